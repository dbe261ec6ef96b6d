#include "lpmc/tag_to_caption/local_llm.h"

#include <algorithm>
#include <fstream>
#include <future>
#include <thread>

#include <gmock/gmock.h>

#include "lpmc/base/error.h"
#include "lpmc/tag_to_caption/chat_client.h"

#include "tests/support/fake_llama.h"
#include "tests/support/processes.h"

namespace lpmc {
namespace {

using test::eventually;
using test::FakeLlama;
using test::process_runs;
using testing::HasSubstr;
using testing::Not;

LocalLlmOptions options_of(const FakeLlama& fake) {
  fake.set_environment();
  LocalLlmOptions options;
  options.server = FakeLlama::server();
  options.gguf = fake.weights();
  options.start_timeout_s = 20;
  return options;
}

/// The error of a start that must not succeed.
Error failure_of(const LocalLlmOptions& options) {
  HttpClient http;
  try {
    const LocalLlm llm(http, options);
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "the server started";
  return {ErrorKind::io, ""};
}

TEST(LocalLlm, AnswersAndEnds) {
  const FakeLlama fake;
  HttpClient http;
  {
    const LocalLlm llm(http, options_of(fake));
    EXPECT_EQ(llm.model_name(), "SmolLM2-fake");
    EXPECT_TRUE(llm.is_running());
    ChatOptions chat;
    chat.base_url = llm.base_url();
    ChatClient client(http, chat);
    EXPECT_EQ(client.check_server(), "SmolLM2-fake");
    std::promise<ChatReply> reply;
    client.ask("write.\n jazz, slow", AnswerFormat::plain,
               [&](ChatReply&& r) { reply.set_value(std::move(r)); });
    EXPECT_EQ(reply.get_future().get().text, "A song with jazz, slow.");
    EXPECT_TRUE(process_runs(fake.pid()));
  }
  EXPECT_FALSE(process_runs(fake.pid()));
}

TEST(LocalLlm, StartsTheServerWithRoomForEverySlot) {
  const FakeLlama fake;
  HttpClient http;
  LocalLlmOptions options = options_of(fake);
  options.parallel = 6;
  options.threads = 3;
  options.context_tokens = 100;
  ::setenv("OPENAI_API_KEY", "sk-not-for-you", 1);
  const LocalLlm llm(http, options);
  ::unsetenv("OPENAI_API_KEY");
  const nlohmann::json start = fake.starts().at(0);
  EXPECT_EQ(start["args"]["--host"], "127.0.0.1");
  EXPECT_EQ(start["args"]["--model"], fake.weights().string());
  EXPECT_EQ(start["args"]["--parallel"], "6");
  EXPECT_EQ(start["args"]["--ctx-size"], "6144");
  EXPECT_EQ(start["args"]["--threads"], "3");
  EXPECT_THAT(start["environment"], testing::Contains("FAKE_LLAMA"));
  EXPECT_THAT(start["environment"], Not(testing::Contains("OPENAI_API_KEY")));
}

TEST(LocalLlm, TakesServersWithoutHealthPage) {
  const FakeLlama fake("no-health");
  HttpClient http;
  const LocalLlm llm(http, options_of(fake));
  EXPECT_TRUE(llm.is_running());
}

TEST(LocalLlm, TriesAnotherPortWhenItsOwnWasTaken) {
  const FakeLlama fake("taken-once");
  HttpClient http;
  const LocalLlm llm(http, options_of(fake));
  ASSERT_EQ(fake.starts().size(), 2U);
  EXPECT_NE(fake.starts()[0]["args"]["--port"], fake.starts()[1]["args"]["--port"]);
  EXPECT_THAT(llm.base_url(), HasSubstr(fake.starts()[1]["args"]["--port"].get<std::string>()));
}

TEST(LocalLlm, SaysWhyTheServerDidNotStart) {
  const FakeLlama fake("die");
  const Error error = failure_of(options_of(fake));
  EXPECT_EQ(error.kind(), ErrorKind::remote);
  EXPECT_THAT(error.what(), HasSubstr("exit status 1"));
  EXPECT_THAT(error.what(), HasSubstr("fake: cannot load the model"));
  EXPECT_EQ(fake.starts().size(), 1U);
}

TEST(LocalLlm, DoesNotWaitForEver) {
  const FakeLlama fake("sick");
  LocalLlmOptions options = options_of(fake);
  options.start_timeout_s = 1;
  const Error error = failure_of(options);
  EXPECT_EQ(error.kind(), ErrorKind::remote);
  EXPECT_THAT(error.what(), HasSubstr("not ready after 1 s"));
  EXPECT_FALSE(process_runs(fake.pid()));
}

TEST(LocalLlm, StopsWaitingWhenAsked) {
  const FakeLlama fake("sick");
  LocalLlmOptions options = options_of(fake);
  std::stop_source stop;
  options.stop = stop.get_token();
  const std::jthread stopper([&] {
    eventually([&] { return !fake.starts().empty(); });
    stop.request_stop();
  });
  EXPECT_EQ(failure_of(options).kind(), ErrorKind::cancelled);
  EXPECT_FALSE(process_runs(fake.pid()));
}

TEST(LocalLlm, EndsAServerThatDoesNotListen) {
  const FakeLlama fake("stubborn");
  HttpClient http;
  { const LocalLlm llm(http, options_of(fake)); }
  EXPECT_FALSE(process_runs(fake.pid()));
}

TEST(LocalLlm, TellsHowAServerEnded) {
  const FakeLlama fake;
  HttpClient http;
  const LocalLlm llm(http, options_of(fake));
  ::kill(fake.pid(), SIGKILL);
  ASSERT_TRUE(eventually([&] { return !llm.is_running(); }));
  EXPECT_THAT(llm.last_words(), HasSubstr("it ended (signal 9)"));
  EXPECT_THAT(llm.last_words(), HasSubstr("fake: loading"));
}

TEST(LocalLlm, SaysInThreeLinesWhatIsMissing) {
  LocalLlmOptions options;
  options.server = "/no/such/llama-server";
  options.gguf = "/no/such/weights.gguf";
  const Error both = failure_of(options);
  EXPECT_EQ(both.kind(), ErrorKind::not_found);
  const std::string text = both.what();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
  EXPECT_THAT(text, HasSubstr("no program '/no/such/llama-server' and no weights '/no/such/weights.gguf'"));
  EXPECT_THAT(text, HasSubstr("install_local_llm.sh"));
  EXPECT_THAT(text, HasSubstr("lpmc model pull"));

  options.server = FakeLlama::server();
  EXPECT_THAT(failure_of(options).what(), Not(HasSubstr("no program")));
}

TEST(LocalLlm, RefusesWeightsThatAreNone) {
  const FakeLlama fake;
  std::ofstream(fake.weights()) << "PK zip";
  EXPECT_EQ(failure_of(options_of(fake)).kind(), ErrorKind::corrupt);
}

TEST(LocalLlm, LooksInItsOwnFolder) {
  const test::TemporaryFolder folder;
  std::filesystem::create_directories(folder / "bin");
  std::filesystem::create_symlink(FakeLlama::server(), folder / "bin/llama-server");
  for (const char* name : {"a.gguf", "SmolLM2-135M-Instruct.Q4_1.gguf", "notes.txt"})
    std::ofstream(folder / name) << "GGUF";
  LocalLlmOptions options;
  options.folder = folder.path();
  const char* path = std::getenv("PATH");
  const std::string kept = path == nullptr ? "" : path;
  ::setenv("PATH", "/nowhere", 1);
  const LocalLlmFiles files = find_local_llm(options);
  ::setenv("PATH", kept.c_str(), 1);
  EXPECT_EQ(files.server, folder / "bin/llama-server");
  EXPECT_EQ(files.gguf, folder / "SmolLM2-135M-Instruct.Q4_1.gguf");
}

}  // namespace
}  // namespace lpmc
