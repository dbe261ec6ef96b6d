#include "lpmc/hub/model_list.h"

#include <algorithm>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "lpmc/base/error.h"

namespace lpmc {
namespace {

using nlohmann::json;

json good_list() {
  return json::parse(R"({"models": [{"name": "m", "kind": "language_model", "summary": "s", "license": "MIT",
    "license_url": "https://example.org/l", "source": "https://example.org/m",
    "files": [{"path": "a/b.gguf", "size": 3, "sha256":
    "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"}]}]})");
}

TEST(ModelList, IsRead) {
  const auto models = parse_model_list(good_list().dump(), "list");
  ASSERT_EQ(models.size(), 1U);
  EXPECT_EQ(models[0].name, "m");
  EXPECT_EQ(models[0].kind, HubModel::Kind::language_model);
  EXPECT_EQ(models[0].license, "MIT");
  EXPECT_EQ(models[0].files.at(0).path, "a/b.gguf");
  EXPECT_EQ(models[0].size(), 3U);
}

TEST(ModelList, SizeAndDigestMayBeUnknownTogether) {
  json list = good_list();
  json& file = list["models"][0]["files"][0];
  const json digest = file["sha256"];
  file.erase("sha256");
  EXPECT_THROW(parse_model_list(list.dump(), "list"), Error);
  file.erase("size");
  const auto models = parse_model_list(list.dump(), "list");
  EXPECT_EQ(models.at(0).files.at(0).sha256, "");
  EXPECT_FALSE(models.at(0).size());
  file["sha256"] = digest;
  EXPECT_THROW(parse_model_list(list.dump(), "list"), Error);
}

TEST(ModelList, RefusesWhatMakesNoSense) {
  const auto expect_refused = [](const char* pointer, const json& value) {
    json list = good_list();
    list[json::json_pointer(pointer)] = value;
    EXPECT_THROW(parse_model_list(list.dump(), "list"), Error) << pointer << " = " << value;
  };
  expect_refused("/models", 1);
  expect_refused("/models/0", "text");
  expect_refused("/models/0/name", "../x");
  expect_refused("/models/0/kind", "toy");
  expect_refused("/models/0/license", "");
  expect_refused("/models/0/files", json::array());
  expect_refused("/models/0/files/0/path", "../../etc/passwd");
  expect_refused("/models/0/files/0/path", "/etc/passwd");
  expect_refused("/models/0/files/0/size", -1);
  expect_refused("/models/0/files/0/sha256", "b179");
  expect_refused("/models/0/files/0/sha256", std::string(64, 'Z'));
  EXPECT_THROW(parse_model_list("{", "list"), Error);
  EXPECT_THROW(parse_model_list("[]", "list"), Error);
}

TEST(ModelList, TheListThatShipsIsSound) {
  const auto models = read_model_list(std::filesystem::path(LPMC_SOURCE_DIR) / "data/models.json");
  ASSERT_FALSE(models.empty());
  EXPECT_EQ(models[0].name, "smollm2-135m-instruct");
  const auto roberta = std::find_if(models.begin(), models.end(),
                                    [](const HubModel& model) { return model.name == "roberta-large"; });
  ASSERT_NE(roberta, models.end());
  EXPECT_EQ(roberta->kind, HubModel::Kind::text_encoder);
  EXPECT_EQ(roberta->license, "MIT");
  EXPECT_EQ(roberta->files.size(), 4U);
}

}  // namespace
}  // namespace lpmc
