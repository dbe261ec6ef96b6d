// `lpmc tag-to-caption --llm local` with a server that plays llama-server: it is used, and it always ends.

#include <csignal>
#include <cstdlib>

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

/// "123 (name) S 45 ...": the number behind the state.
int parent_of(int pid) {
  const std::string stat = read_file("/proc/" + std::to_string(pid) + "/stat");
  return std::stoi(stat.substr(stat.rfind(") ") + 4));
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

TEST(TagToCaptionLocal, TheServerIsNotHandedTheKey) {
  const FakeLlama fake("slow");
  ProgramInput input = input_of(fake);
  input.environment["OPENAI_API_KEY"] = "sk-0123456789abcdefghij";
  std::string seen;
  input.while_running = [&](int pid) {
    eventually([&] { return !fake.starts().empty(); });
    for (const int process : {pid, fake.pid(), parent_of(fake.pid())}) {
      for (const char* file : {"cmdline", "environ"})
        seen += read_file("/proc/" + std::to_string(process) + "/" + file);
    }
    for (int i = 0; i < 3; ++i)
      ::kill(pid, SIGINT);
  };
  const ProgramResult result = caption(fake, input);
  EXPECT_THAT(seen, HasSubstr("FAKE_LLAMA_LOG="));  // environments were seen
  EXPECT_THAT(seen, HasSubstr("--alias"));          // and the server's command line
  EXPECT_THAT(seen + result.out + result.err, ::testing::Not(HasSubstr("0123456789abcdefghij")));
}

/// Where this machine has its data; other tests set another folder.
const std::string kDataHome = [] {
  const char *data = std::getenv("XDG_DATA_HOME"), *home = std::getenv("HOME");
  return data != nullptr ? std::string(data) : std::string(home != nullptr ? home : "") + "/.local/share";
}();

/// What scripts/install_local_llm.sh set up on this machine.
TEST(TagToCaptionLocal, ARealModelDoesTheFourTasks) {
  ProgramInput input;
  input.environment["XDG_DATA_HOME"] = kDataHome;
  const ProgramResult result =
      lpmc({"tag-to-caption", "--tags", "jazz, piano, slow tempo", "--llm", "local", "--prompt", "all",
            "--format", "json", "--max-repairs", "2", "--max-tokens", "160"},
           input);
  if (result.exit_code == 3 && result.err.find("found no ") != std::string::npos)
    GTEST_SKIP() << "no local model: " << result.err;
  EXPECT_LE(result.exit_code, 1) << result.err;  // a small model may not manage every dictionary
  const auto lines = lines_of(result.out);
  ASSERT_EQ(lines.size(), 4U) << result.err;
  for (const std::string& line : lines) {
    const nlohmann::json record = nlohmann::json::parse(line);
    if (record.contains("error")) {
      EXPECT_EQ(record["prompt"], "attribute_prediction") << line;
      continue;
    }
    EXPECT_NE(record["caption"], "") << line;
    EXPECT_TRUE(record["new_attributes"].is_array()) << line;
    EXPECT_TRUE(record["validation"].contains("coverage")) << line;
    EXPECT_GT(record["completion_tokens"], 0) << line;
  }
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
