// `lpmc tag-to-caption --llm local` with a server that plays llama-server: it is used, and it always ends.

#include <csignal>

#include <gmock/gmock.h>

#include "tests/end_to_end/lpmc_program.h"
#include "tests/support/fake_llama.h"
#include "tests/support/processes.h"

namespace lpmc::test {
namespace {

using ::testing::HasSubstr;

ProgramInput input_of(const FakeLlama& fake) {
  ProgramInput input;
  input.environment = {{"FAKE_LLAMA", fake.words()},
                       {"FAKE_LLAMA_LOG", fake.log().string()},
                       {"XDG_DATA_HOME", (fake.folder() / "data").string()}};
  return input;
}

ProgramResult caption(const FakeLlama& fake, const ProgramInput& input, std::vector<std::string> more = {}) {
  std::vector<std::string> arguments = {"tag-to-caption",
                                        "--tags",
                                        "jazz, slow",
                                        "--llm",
                                        "local",
                                        "--llama-server",
                                        FakeLlama::server().string(),
                                        "--gguf",
                                        fake.weights().string()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return lpmc(arguments, input);
}

/// The program is stopped by `signals` while its question is not answered; the server must end with it.
int exit_code_after(const std::vector<int>& signals) {
  const FakeLlama fake("slow");
  ProgramInput input = input_of(fake);
  input.while_running = [&](int pid) {
    eventually([&] { return !fake.starts().empty(); });
    std::this_thread::sleep_for(std::chrono::milliseconds(700));  // the question is on its way
    for (const int signal : signals) {
      ::kill(pid, signal);
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  };
  const ProgramResult result = caption(fake, input);
  EXPECT_TRUE(eventually([&] { return !process_runs(fake.pid()); })) << "the server is left over";
  return result.exit_code;
}

TEST(TagToCaptionLocal, StartsUsesAndEndsTheServer) {
  const FakeLlama fake;
  const ProgramResult result = caption(fake, input_of(fake), {"--prompt", "all"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("A song with jazz, slow."));
  EXPECT_THAT(result.out, HasSubstr(R"({"new_attribute":["new"],"description":"A song with jazz, slow."})"));
  EXPECT_THAT(result.err, HasSubstr("SmolLM2-fake is ready"));
  ASSERT_EQ(fake.starts().size(), 1U);
  EXPECT_FALSE(process_runs(fake.pid()));
}

TEST(TagToCaptionLocal, SaysWhyTheServerDidNotStart) {
  const FakeLlama fake("die");
  const ProgramResult result = caption(fake, input_of(fake));
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("fake: cannot load the model"));
}

TEST(TagToCaptionLocal, EndsTheServerWhenInterrupted) {
  EXPECT_EQ(exit_code_after({SIGINT, SIGINT}), 130);
  EXPECT_EQ(exit_code_after({SIGTERM, SIGTERM}), 130);
  EXPECT_EQ(exit_code_after({SIGINT, SIGINT, SIGINT}), 130);
}

TEST(TagToCaptionLocal, EndsTheServerWhenKilled) {
  EXPECT_EQ(exit_code_after({SIGKILL}), 128 + SIGKILL);
}

TEST(TagToCaptionLocal, SaysThatTheServerDied) {
  const FakeLlama fake("slow");
  ProgramInput input = input_of(fake);
  input.while_running = [&](int) {
    eventually([&] { return !fake.starts().empty(); });
    std::this_thread::sleep_for(std::chrono::milliseconds(700));
    ::kill(fake.pid(), SIGKILL);
  };
  const ProgramResult result = caption(fake, input);
  EXPECT_EQ(result.exit_code, 3) << result.err;
  EXPECT_THAT(result.err, HasSubstr("it ended (signal 9)"));
}

}  // namespace
}  // namespace lpmc::test
