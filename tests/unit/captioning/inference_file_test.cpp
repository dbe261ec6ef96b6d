#include "lpmc/captioning/inference_file.h"

#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/fixtures.h"
#include "tests/support/matchers.h"

namespace lpmc {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::ThrowsLpmc;

class InferenceFileTest : public ::testing::Test {
 protected:
  fs::path output() const { return folder_ / "inference.json"; }
  fs::path side() const { return InferenceFile::side_file(output()); }
  json written() const { return json::parse(test::read_file(output())); }

  static std::vector<InferredClip> clips() {
    return {{"b", "", "a true caption", "b.wav"}, {"a", "", "", ""}, {"c", "", "another", "c.wav"}};
  }

  test::TemporaryFolder folder_;
  const json settings_ = {{"model", "m"}, {"num_beams", 5}};
};

TEST_F(InferenceFileTest, has_the_originals_shape_in_the_data_sets_order) {
  InferenceFile file(output(), settings_);
  file.add("a", "prediction \"a\"");
  file.add("b", "prediction b 🎹");
  file.add("c", "");
  EXPECT_FALSE(fs::exists(output()));
  file.finish(clips(), true);
  EXPECT_EQ(written(), json::parse(R"({
    "0": {"predictions": "prediction b 🎹", "true_captions": "a true caption", "audio_id": "b", "audio": "b.wav"},
    "1": {"predictions": "prediction \"a\"", "true_captions": "", "audio_id": "a"},
    "2": {"predictions": "", "true_captions": "another", "audio_id": "c", "audio": "c.wav"}})"));
  EXPECT_FALSE(fs::exists(side()));
}

TEST_F(InferenceFileTest, an_earlier_run_is_taken_over) {
  { InferenceFile(output(), settings_).add("a", "early"); }
  InferenceFile file(output(), settings_);
  EXPECT_EQ(file.size(), 1U);
  EXPECT_TRUE(file.has("a"));
  EXPECT_FALSE(file.has("b"));
  file.add("b", "late");
  file.finish(clips(), false);
  EXPECT_EQ(written().size(), 2U);
  EXPECT_EQ(written()["1"]["predictions"], "early");
  EXPECT_TRUE(fs::exists(side()));  // c is still to be done
}

TEST_F(InferenceFileTest, a_line_cut_short_is_done_again) {
  {
    InferenceFile file(output(), settings_);
    file.add("a", "early");
    file.add("b", "cut");
  }
  fs::resize_file(side(), fs::file_size(side()) - 5);
  {
    InferenceFile file(output(), settings_);
    EXPECT_TRUE(file.has("a"));
    EXPECT_FALSE(file.has("b"));
    file.add("b", "whole");
  }
  InferenceFile file(output(), settings_);
  file.finish(clips(), true);
  EXPECT_EQ(written()["0"]["predictions"], "whole");
}

TEST_F(InferenceFileTest, a_first_line_cut_short_begins_anew) {
  std::ofstream(side()) << "{\"lpmc_in";
  InferenceFile file(output(), settings_);
  EXPECT_EQ(file.size(), 0U);
  file.add("a", "x");
  EXPECT_EQ(InferenceFile(output(), settings_).size(), 1U);
}

TEST_F(InferenceFileTest, other_settings_are_refused) {
  { InferenceFile(output(), settings_).add("a", "early"); }
  EXPECT_THAT(
      [&] {
        InferenceFile(output(), json{{"model", "m"}, {"num_beams", 1}});
      },
      ThrowsLpmc(ErrorKind::invalid_argument, "num_beams: expected 1, found 5"));
  EXPECT_EQ(InferenceFile(output(), settings_).size(), 1U);  // and nothing is lost
}

TEST_F(InferenceFileTest, another_file_in_its_place_is_named) {
  std::ofstream(side()) << "something\n";
  EXPECT_THAT([&] { InferenceFile(output(), settings_); }, ThrowsLpmc(ErrorKind::corrupt, "line 1"));
  { std::ofstream(side()) << json{{"lpmc_infer", settings_}}.dump() << "\n{\"audio_id\": 3}\n"; }
  EXPECT_THAT([&] { InferenceFile(output(), settings_); }, ThrowsLpmc(ErrorKind::corrupt, "line 2"));
}

TEST_F(InferenceFileTest, places_that_cannot_be_written_are_refused) {
  EXPECT_THAT([&] { InferenceFile(folder_.path(), settings_); },
              ThrowsLpmc(ErrorKind::invalid_argument, "found a folder"));
  EXPECT_THAT([&] { InferenceFile(folder_ / "no/such/inference.json", settings_); },
              ThrowsLpmc(ErrorKind::not_found, "partial.jsonl"));
}

TEST_F(InferenceFileTest, no_clip_is_an_empty_object) {
  InferenceFile(output(), settings_).finish({}, true);
  EXPECT_EQ(written(), json::object());
}

}  // namespace
}  // namespace lpmc
