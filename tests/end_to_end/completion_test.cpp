// `lpmc completion`: the scripts are accepted by their shells and complete.

#include <fstream>

#include <gmock/gmock.h>

#include "tests/end_to_end/lpmc_program.h"

namespace lpmc::test {
namespace {

using ::testing::HasSubstr;

std::string complete_in_bash(const std::string& words) {
  const TemporaryFolder folder;
  std::ofstream(folder / "lpmc.bash") << lpmc({"completion", "bash"}).out;
  const std::string script =
      "source '" + (folder / "lpmc.bash").string() + "'; COMP_WORDS=(" + words +
      "); COMP_CWORD=$((${#COMP_WORDS[@]}-1)); _lpmc; printf '%s\\n' \"${COMPREPLY[@]}\"";
  const ProgramResult result = run_program({"bash", "-c", script});
  EXPECT_EQ(result.err, "");
  return result.out;
}

TEST(Completion, BashCompletesCommandsFlagsAndValues) {
  EXPECT_THAT(complete_in_bash("lpmc ca"), HasSubstr("caption"));
  EXPECT_THAT(complete_in_bash("lpmc caption --num"), HasSubstr("--num-beams"));
  EXPECT_THAT(complete_in_bash("lpmc model ver"), HasSubstr("verify"));
  EXPECT_EQ(complete_in_bash("lpmc caption --log-format j"), "json\n");
}

TEST(Completion, OtherShellsGetAScript) {
  EXPECT_THAT(lpmc({"completion", "fish"}).out, HasSubstr("complete -c lpmc"));
  EXPECT_THAT(lpmc({"completion", "zsh"}).out, HasSubstr("#compdef lpmc"));
  EXPECT_EQ(lpmc({"completion", "tcsh"}).exit_code, 2);
}

}  // namespace
}  // namespace lpmc::test
