// `lpmc model`: making, converting, checking models.

#include <fstream>
#include <tuple>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/end_to_end/lpmc_program.h"

namespace lpmc::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;

class ModelCommand : public ::testing::Test {
 protected:
  ModelCommand() : model_((folder_ / "tiny").string()) {
    EXPECT_EQ(lpmc({"model", "init", "--preset", "tiny", "--seed", "3", "-o", model_}).exit_code, 0);
  }
  void expect_failure(std::vector<std::string> arguments, int code, const std::string& message) {
    arguments.insert(arguments.begin(), "model");
    const ProgramResult result = lpmc(arguments);
    EXPECT_EQ(result.exit_code, code) << result.err;
    EXPECT_THAT(result.err, HasSubstr(message));
  }

  TemporaryFolder folder_;
  std::string model_;
};

TEST_F(ModelCommand, InfoTellsSizeAndTensors) {
  const ProgramResult result = lpmc({"model", "info", model_, "-v"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("d_model 64"));
  EXPECT_THAT(result.out, HasSubstr("audio_encoder.conv_stack.4.bias"));
  const json info = json::parse(lpmc({"model", "info", model_, "--json"}).out);
  EXPECT_EQ(info["d_model"], 64);
  EXPECT_GT(info["parameters"], 0);
}

TEST_F(ModelCommand, ListKnowsTheModelThatShips) {
  EXPECT_THAT(lpmc({"model", "list"}).out, HasSubstr("default\t"));
}

TEST_F(ModelCommand, VerifyPassesWhatIsWhole) {
  for (const std::string& model : {model_, std::string("default")}) {
    const ProgramResult result = lpmc({"model", "verify", model});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_THAT(result.out, HasSubstr("all finite"));
  }
}

TEST_F(ModelCommand, ConvertGoesThereAndBack) {
  const std::string pth = (folder_ / "m.pth").string(), back = (folder_ / "back").string();
  ASSERT_EQ(lpmc({"model", "convert", model_, "-o", pth}).exit_code, 0);
  const ProgramResult result = lpmc({"model", "convert", pth, "--tokenizer", model_, "-o", back});
  EXPECT_EQ(result.exit_code, 3);  // the tiny model has no vocabulary files to name
  fs::copy_file(fs::path(model_) / "config.json", folder_ / "config.json");
  const ProgramResult converted = lpmc({"model", "convert", pth, "-o", back});
  ASSERT_EQ(converted.exit_code, 0) << converted.err;
  EXPECT_EQ(read_file(fs::path(back) / "model.safetensors"),
            read_file(fs::path(model_) / "model.safetensors"));
  expect_failure({"convert", pth, "-o", back}, 2, "--overwrite");
  expect_failure({"convert", pth, "-o", (folder_ / "x").string(), "--dtype", "int4"}, 2, "found 'int4'");
}

TEST_F(ModelCommand, QuantizeStoresInAQuarterOrHalf) {
  const auto weights_bytes = [](const std::string& model) {
    return static_cast<double>(fs::file_size(fs::path(model) / "model.safetensors"));
  };
  // Of the tiny model's numbers under a fifth (positions, biases, norms) stay float32.
  for (const auto& [dtype, name, share] :
       {std::tuple{"int8", "int8", 0.45}, std::tuple{"bf16", "bfloat16", 0.62}}) {
    const std::string made = (folder_ / dtype).string();
    const ProgramResult result = lpmc({"model", "quantize", "-m", model_, "--dtype", dtype, "-o", made});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(result.out + result.err, "");
    EXPECT_LT(weights_bytes(made), share * weights_bytes(model_));
    EXPECT_EQ(json::parse(lpmc({"model", "info", made, "--json"}).out)["lpmc"]["dtype"], name);
    EXPECT_THAT(read_file(fs::path(made) / "README.md"),
                HasSubstr("from `tiny`, whose weights were float32"));
    const ProgramResult verified = lpmc({"model", "verify", made});
    EXPECT_EQ(verified.exit_code, 0) << verified.err;
    EXPECT_THAT(verified.out, HasSubstr(std::string("parameters stored as ") + name));
    EXPECT_THAT(verified.out, HasSubstr("--dtype auto may choose f32, "));
    expect_failure({"quantize", "-m", model_, "--dtype", dtype, "-o", made}, 2, "--overwrite");
    EXPECT_EQ(
        lpmc({"model", "quantize", "-m", model_, "--dtype", dtype, "-o", made, "--overwrite"}).exit_code, 0);
  }
  EXPECT_THAT(lpmc({"model", "info", (folder_ / "int8").string(), "-v"}).out,
              HasSubstr("audio_encoder.conv_stack.4.weight_scale"));
}

TEST_F(ModelCommand, QuantizeRefusesWhatMakesNoSense) {
  const std::string int8 = (folder_ / "int8").string(), other = (folder_ / "other").string();
  ASSERT_EQ(lpmc({"model", "quantize", model_, "--dtype", "int8", "-o", int8}).exit_code, 0);
  expect_failure({"quantize", int8, "--dtype", "int8", "-o", other}, 2, "quantize from the original model");
  expect_failure({"quantize", model_, "--dtype", "f16", "-o", other}, 2,
                 "expected int8 or bf16, found 'f16'");
  expect_failure({"quantize", model_, "-o", other}, 2, "--dtype");
  expect_failure({"convert", model_, "--dtype", "int8", "-o", other}, 2, "`lpmc model quantize` makes it");
  EXPECT_FALSE(fs::exists(other));
  const ProgramResult help = lpmc({"model", "quantize", "--help"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_THAT(help.out, HasSubstr("Examples:"));
}

TEST_F(ModelCommand, ConvertTakesInt8BackToFloat32) {
  const std::string int8 = (folder_ / "int8").string(), back = (folder_ / "back").string();
  ASSERT_EQ(lpmc({"model", "quantize", model_, "--dtype", "int8", "-o", int8}).exit_code, 0);
  ASSERT_EQ(lpmc({"model", "convert", int8, "--dtype", "float32", "-o", back}).exit_code, 0);
  EXPECT_EQ(json::parse(lpmc({"model", "info", back, "--json"}).out)["lpmc"]["dtype"], "float32");
  EXPECT_EQ(fs::file_size(fs::path(back) / "model.safetensors"),
            fs::file_size(fs::path(model_) / "model.safetensors"));
  EXPECT_EQ(lpmc({"model", "convert", int8, "-o", (folder_ / "m.pth").string()}).exit_code, 0);
}

TEST_F(ModelCommand, DamageIsNamed) {
  const fs::path weights = fs::path(model_) / "model.safetensors";
  const auto size = fs::file_size(weights);
  fs::resize_file(weights, size - 1000);
  expect_failure({"verify", model_}, 3, "model.safetensors");
  fs::resize_file(weights, size);  // the end is zeros now, the tensors fit again
  std::ofstream(fs::path(model_) / "config.json", std::ios::trunc)
      << R"({"d_model": 32, "encoder_attention_heads": 4, "decoder_attention_heads": 4})";
  expect_failure({"info", model_}, 3, "expected [1, 50265], found [1, 200]");
  std::ofstream(fs::path(model_) / "config.json", std::ios::trunc) << "{";
  expect_failure({"info", model_}, 3, "config.json: not JSON");
}

TEST_F(ModelCommand, TokenizersOfOtherModelsAreRefused) {
  std::ofstream(fs::path(model_) / "merges.txt") << "#version: 0.2\n";
  expect_failure({"verify", model_}, 3, "expected vocab.json beside it");
  const fs::path other = fs::path(LPMC_SOURCE_DIR) / "models/default";
  fs::copy_file(other / "vocab.json", fs::path(model_) / "vocab.json");
  fs::copy_file(other / "merges.txt", fs::path(model_) / "merges.txt", fs::copy_options::overwrite_existing);
  expect_failure({"verify", model_}, 3, "expected the model's 200 tokens, found");
}

}  // namespace
}  // namespace lpmc::test
