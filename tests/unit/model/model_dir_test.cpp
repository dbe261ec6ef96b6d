#include "lpmc/model/model_dir.h"

#include <cstdlib>

#include "lpmc/base/atomic_file.h"

#include "tests/support/fixtures.h"
#include "tests/support/matchers.h"

namespace lpmc {
namespace {

namespace fs = std::filesystem;
using test::TemporaryFolder;
using test::ThrowsLpmc;

Model tiny_model() {
  Model model;
  model.config = preset_config("tiny");
  model.weights = random_weights(model.config, 1);
  model.generation_config = {{"num_beams", 2}};
  return model;
}

TEST(ModelDir, WritesAFolderThatOpens) {
  const TemporaryFolder folder;
  write_model_folder(folder / "m", tiny_model(), DType::f16, false);
  const Model model = open_model(find_model((folder / "m").string()));
  EXPECT_EQ(model.config, preset_config("tiny"));
  EXPECT_EQ(model.generation_config["num_beams"], 2);
  EXPECT_EQ(stored_dtype(model), DType::f16);
  EXPECT_FALSE(model.files.vocab);
  EXPECT_THAT([&] { write_model_folder(folder / "m", tiny_model(), DType::f16, false); },
              ThrowsLpmc(ErrorKind::invalid_argument, "--overwrite"));
  EXPECT_NO_THROW(write_model_folder(folder / "m", tiny_model(), DType::f32, true));
}

TEST(ModelDir, FindsModelsByName) {
  const TemporaryFolder folder;
  write_model_folder(folder / "mine", tiny_model(), DType::f16, false);
  ::setenv("LPMC_MODELS", folder.path().c_str(), 1);
  EXPECT_EQ(find_model("mine").weights, folder / "mine" / "model.safetensors");
  const auto models = list_models();
  EXPECT_TRUE(std::ranges::any_of(models, [](const NamedModel& m) { return m.name == "mine"; }));
  EXPECT_THAT([] { find_model("other"); },
              ThrowsLpmc(ErrorKind::not_found, "model 'other': no file or folder"));
  EXPECT_THAT([] { find_model("lp-musiccaps-transfer"); },
              ThrowsLpmc(ErrorKind::not_found, "published checkpoint"));
  ::unsetenv("LPMC_MODELS");
}

TEST(ModelDir, SaysWhatAFolderLacks) {
  const TemporaryFolder folder;
  EXPECT_THAT([&] { find_model(folder.path().string()); },
              ThrowsLpmc(ErrorKind::not_found, "with model.safetensors, found none"));
  write_file_atomically(folder / "model.safetensors", "x");
  EXPECT_THAT([&] { find_model(folder.path().string()); },
              ThrowsLpmc(ErrorKind::not_found, "expected config.json"));
  EXPECT_THAT([&] { find_model((folder / "none.pth").string()); },
              ThrowsLpmc(ErrorKind::not_found, "no such model file"));
  EXPECT_THAT([&] { find_model((folder / "model.safetensors").string(), folder / "tok"); },
              ThrowsLpmc(ErrorKind::not_found, "expected the tokenizer's folder"));
  EXPECT_THAT([&] { find_model((folder / "model.safetensors").string(), folder.path()); },
              ThrowsLpmc(ErrorKind::not_found, "expected vocab.json, found none"));
}

TEST(ModelDir, ACheckpointBringsItsNeighbours) {
  const TemporaryFolder folder;
  const Model model = tiny_model();
  export_pth(folder / "last.pth", model.config, model.weights, 3);
  EXPECT_THAT([&] { open_model(find_model((folder / "last.pth").string())); },
              ThrowsLpmc(ErrorKind::corrupt, "no config.json beside the checkpoint"));
  write_file_atomically(folder / "config.json", model_config_to_json(model.config, "float32").dump());
  const Model opened = open_model(find_model((folder / "last.pth").string()));
  EXPECT_EQ(test::max_abs_difference(opened.weights.weights.shared.values<float>(),
                                     model.weights.weights.shared.values<float>()),
            0);
}

TEST(ModelDir, BrokenJsonIsNamed) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a.json", "{\"x\": ");
  EXPECT_THAT([&] { read_json_file(folder / "a.json"); }, ThrowsLpmc(ErrorKind::corrupt, "a.json: not JSON"));
  write_file_atomically(folder / "deep.json", std::string(100000, '['));
  EXPECT_THAT([&] { read_json_file(folder / "deep.json"); },
              ThrowsLpmc(ErrorKind::corrupt, "levels of nesting"));
}

}  // namespace
}  // namespace lpmc
