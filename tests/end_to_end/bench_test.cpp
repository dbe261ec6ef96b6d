// `lpmc bench`: what it prints, never how fast.

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/end_to_end/lpmc_program.h"

namespace lpmc::test {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

std::vector<std::string> quick_bench(const std::vector<std::string>& more) {
  std::vector<std::string> command = {"bench", "--preset",    "tiny", "--quick",   "--new-tokens",
                                      "4",     "--num-beams", "2",    "--threads", "2"};
  command.insert(command.end(), more.begin(), more.end());
  return command;
}

TEST(Bench, JsonHasTheMachineAndEveryStage) {
  const ProgramResult result = lpmc(quick_bench({"--json", "--dtype", "f32"}));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json report = json::parse(result.out);
  EXPECT_EQ(report["model"]["name"], "tiny");
  EXPECT_EQ(report["options"]["new_tokens"], 4);
  EXPECT_EQ(report["machine"]["threads"], 2);
  EXPECT_GE(report["machine"]["multiply_rates"].size(), 1U);
  EXPECT_EQ(report["machine"]["step_bandwidths"].size(), 1U);
  bool has_memory = false, has_captions = false;
  for (const json& stage : report["stages"]) {
    EXPECT_GT(stage["best_s"].get<double>(), 0) << stage;
    has_memory = has_memory || stage.value("peak_resident_bytes", 0) > 1000000;
    has_captions =
        has_captions || (stage["stage"] == "captions" && stage["ratio_to_limit"].get<double>() > 0);
  }
  EXPECT_TRUE(has_memory);
  EXPECT_TRUE(has_captions);
  EXPECT_THAT(result.err, HasSubstr("measuring the machine"));
}

TEST(Bench, TableIsForPeople) {
  const ProgramResult result = lpmc(quick_bench({"--stages", "step,search", "-q"}));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(result.out, HasSubstr("best/limit"));
  EXPECT_THAT(result.out, HasSubstr("decoding step"));
  for (const char* dtype : {"f32", "bf16", "int8"})  // all of them for a preset
    EXPECT_THAT(result.out, HasSubstr(dtype));
}

TEST(Bench, MeasuresTheModelThatShipsInItsOwnArithmetic) {
  const ProgramResult result =
      lpmc({"bench", "--quick", "--stages", "captions", "--new-tokens", "4", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json report = json::parse(result.out);
  EXPECT_EQ(report["model"]["name"], "default");
  ASSERT_EQ(report["stages"].size(), 6U);
  EXPECT_EQ(report["machine"]["step_bandwidths"].size(), 1U);
}

TEST(Bench, FlagsReadTheEnvironment) {
  ProgramInput input;
  input.environment = {{"LPMC_STAGES", "search"}, {"LPMC_JSON", "1"}, {"LPMC_DTYPE", "f32"}};
  const ProgramResult result = lpmc(quick_bench({}), input);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(json::parse(result.out)["stages"].size(), 5U);
}

TEST(Bench, ExitCodesTellWhatIsWrong) {
  EXPECT_EQ(lpmc({"bench", "--stages", "nothing"}).exit_code, 2);
  EXPECT_EQ(lpmc({"bench", "--dtype", "f64"}).exit_code, 2);
  const ProgramResult long_captions = lpmc({"bench", "--preset", "tiny", "--new-tokens", "1000"});
  EXPECT_EQ(long_captions.exit_code, 2);
  EXPECT_THAT(long_captions.err, HasSubstr("--new-tokens: expected fewer than"));
  EXPECT_EQ(lpmc({"bench", "-m", "/none"}).exit_code, 3);
  const ProgramResult no_audio =
      lpmc(quick_bench({"--audio", "/none.mp3", "--stages", "audio", "--dtype", "f32"}));
  EXPECT_EQ(no_audio.exit_code, 3);
  EXPECT_THAT(no_audio.err, HasSubstr("/none.mp3"));
}

}  // namespace
}  // namespace lpmc::test
