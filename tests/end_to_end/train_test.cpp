// `lpmc train`: the two programs, as a user runs them.

#include <csignal>
#include <fstream>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "lpmc/model/config.h"

#include "tests/end_to_end/lpmc_program.h"
#include "tests/support/processes.h"

namespace lpmc::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;

class Train : public ::testing::Test {
 protected:
  Train() {
    for (int i = 0; i < 6; ++i) {
      const std::string name = std::to_string(i) + ".wav";
      write_wav(folder_ / name, chord_int16(1.5, i));
      std::ofstream(manifest(), std::ios::app)
          << json{{"id", name},
                  {"audio", name},
                  {"split", i < 4 ? "train" : "valid"},
                  {"tags", {"chord"}},
                  {"caption", i % 2 == 0 ? "a low chord" : "a high chord with a guitar"},
                  {"captions", {{"writing", "a song"}}}}
                 .dump()
          << '\n';
    }
    ModelConfig config;
    config.d_model = 32;
    config.encoder_layers = config.decoder_layers = 1;
    config.encoder_attention_heads = config.decoder_attention_heads = 2;
    config.encoder_ffn_dim = config.decoder_ffn_dim = 48;
    config.vocab_size = 1382;
    config.max_position_embeddings = 40;
    config.mel.n_mels = 16;
    config.duration_s = 1.0;
    config.num_conv = 3;
    std::ofstream(folder_ / "config.json") << model_config_to_json(config, "float32").dump();
  }

  std::string manifest() const { return folder_ / "clips.jsonl"; }
  std::string out() const { return folder_ / "run"; }

  ProgramResult train(std::vector<std::string> more, const ProgramInput& input = {}) const {
    std::vector<std::string> arguments = {"train",
                                          "--manifest",
                                          manifest(),
                                          "--out",
                                          out(),
                                          "--config",
                                          folder_ / "config.json",
                                          "--tokenizer",
                                          std::string(LPMC_SOURCE_DIR) + "/models/default",
                                          "--batch-size",
                                          "2",
                                          "--warmup-updates",
                                          "2",
                                          "--max-length",
                                          "20",
                                          "--threads",
                                          "1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return lpmc(arguments, input);
  }

  TemporaryFolder folder_;
};

TEST_F(Train, ARunFolderIsAModel) {
  const ProgramResult result =
      train({"--updates", "6", "--validate-every", "3", "--samples", "2", "--progress", "json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("6 updates"));
  EXPECT_THAT(result.out, HasSubstr("best validation loss"));
  EXPECT_THAT(result.err, HasSubstr("\"loss\""));
  const ProgramResult captions = lpmc({"caption", folder_ / "0.wav", "-m", out(), "-f", "json"});
  EXPECT_EQ(captions.exit_code, 0) << captions.err;
  EXPECT_EQ(lpmc({"model", "verify", out()}).exit_code, 0);
  EXPECT_THAT(read_file(fs::path(out()) / "log.jsonl"), HasSubstr("\"kind\":\"samples\""));
  EXPECT_THAT(read_file(fs::path(out()) / "report.html"), HasSubstr("samples/1.wav"));
}

TEST_F(Train, AnInterruptedRunGoesOnToTheSameWeights) {
  const std::vector<std::string> length = {"--updates", "400", "--samples", "0", "--validate-every", "100"};
  ProgramInput input;
  input.while_running = [&](int process) {
    const fs::path first = fs::path(out()) / "log.jsonl";
    while (process_runs(process) && (!fs::exists(first) || fs::file_size(first) == 0))
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    ::kill(process, SIGTERM);
  };
  const ProgramResult result = train(length, input);
  if (result.exit_code == 0) GTEST_SKIP() << "all was done before the signal came";
  EXPECT_EQ(result.exit_code, 130) << result.err;
  EXPECT_THAT(result.err, HasSubstr("the same command goes on"));
  const ProgramResult other = train({"--updates", "400", "--samples", "0", "--lr", "0.5"});
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_THAT(other.err, HasSubstr("lr: 0.0001 then, 0.5 now"));
  ASSERT_EQ(train(length).exit_code, 0);
  const std::string resumed = read_file(fs::path(out()) / "model.safetensors");
  fs::remove_all(out());
  ASSERT_EQ(train(length).exit_code, 0);
  EXPECT_EQ(resumed, read_file(fs::path(out()) / "model.safetensors"));
}

TEST_F(Train, HelpAndWrongUse) {
  const ProgramResult help = lpmc({"train", "--help"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_THAT(help.out, HasSubstr("--label-smoothing"));
  EXPECT_THAT(lpmc({"train", "--version"}).out, HasSubstr("LibTorch"));
  EXPECT_EQ(lpmc({"train"}).exit_code, 2);
  EXPECT_EQ(train({"--framework", "finetune"}).exit_code, 2);
  const ProgramResult transfer = train({"--framework", "transfer", "--updates", "5"});
  EXPECT_EQ(transfer.exit_code, 2);
  EXPECT_THAT(transfer.err, HasSubstr("--init"));
  std::ofstream(manifest(), std::ios::app) << "{\"id\"\n";
  const ProgramResult broken = train({"--updates", "5"});
  EXPECT_EQ(broken.exit_code, 3);
  EXPECT_THAT(broken.err, HasSubstr("line 7"));
}

}  // namespace
}  // namespace lpmc::test
