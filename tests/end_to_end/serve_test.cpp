// `lpmc serve` as a process: the default model, signals, flags.

#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/end_to_end/lpmc_program.h"
#include "tests/unit/server/raw_client.h"

namespace lpmc::test {
namespace {

using Json = nlohmann::json;

std::string form(const std::string& sound) {
  return "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"song.wav\"\r\n\r\n" + sound +
         "\r\n--XX--\r\n";
}

std::string post(const std::string& body) {
  return "POST /v1/captions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
         "Content-Type: multipart/form-data; boundary=XX\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// Runs `lpmc serve` on a free port, which it tells in a file, calls `talk` with the port, then sends
/// SIGTERM.
ProgramResult serve(const TemporaryFolder& folder, std::vector<std::string> arguments,
                    const std::function<void(int port, int process)>& talk) {
  const std::string log = folder / "stderr";
  std::string command = "exec \"$0\" serve --port 0";
  for (const std::string& argument : arguments)
    command += " " + argument;
  ProgramInput input;
  input.while_running = [&](int process) {
    int port = 0;
    for (int look = 0; look < 6000 && port == 0; ++look) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      const std::string text = std::filesystem::exists(log) ? read_file(log) : "";
      const std::size_t at = text.find("http://127.0.0.1:");
      if (at != std::string::npos && text.find("(Ctrl-C", at) != std::string::npos)
        port = std::stoi(text.substr(at + 17));
    }
    if (port != 0) talk(port, process);
    ::kill(process, SIGTERM);
  };
  return run_program({"/bin/sh", "-c", command + " 2> " + log, LPMC_PROGRAM}, input);
}

TEST(Serve, AnswersAsTheCommandDoes) {
  const TemporaryFolder folder;
  write_wav(folder / "song.wav", chord_int16(14));
  const ProgramResult expected = lpmc({"caption", (folder / "song.wav").string(), "--format", "json"});
  ASSERT_EQ(expected.exit_code, 0) << expected.err;
  std::string answer;
  const ProgramResult served = serve(folder, {"--llm", "template"}, [&](int port, int) {
    const RawClient client(port);
    client.send(post(form(read_file(folder / "song.wav"))));
    answer = client.read_all();
  });
  EXPECT_EQ(served.exit_code, 0) << read_file(folder / "stderr");
  Json found = Json::parse(body_of_answer(answer), nullptr, false);
  Json wanted = Json::parse(expected.out);
  ASSERT_EQ(found["file"], "song.wav") << answer;
  found.erase("file");
  wanted.erase("file");
  EXPECT_EQ(found, wanted);
}

TEST(Serve, WritesCaptionsOfTags) {
  const TemporaryFolder folder;
  std::string answer;
  serve(folder, {"--llm", "tag-concat"}, [&](int port, int) {
    const std::string body = R"({"tags": "rock, guitar", "prompt": "all"})";
    const RawClient client(port);
    client.send(
        "POST /v1/tag-captions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: "
        "application/json\r\nContent-Length: " +
        std::to_string(body.size()) + "\r\n\r\n" + body);
    answer = client.read_all();
  });
  const Json found = Json::parse(body_of_answer(answer), nullptr, false);
  ASSERT_EQ(found["results"].size(), 4U) << answer;
  EXPECT_NE(found["results"][0]["caption"].get<std::string>().find("guitar"), std::string::npos);
}

TEST(Serve, FinishesWhatItHasBegunWhenToldToEnd) {
  const TemporaryFolder folder;
  write_wav(folder / "song.wav", chord_int16(60));
  std::string answer;
  const ProgramResult served = serve(folder, {"--llm", "none"}, [&](int port, int process) {
    const RawClient client(port);
    client.send(post(form(read_file(folder / "song.wav"))));
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    ::kill(process, SIGTERM);
    answer = client.read_all();
  });
  EXPECT_EQ(status_of_answer(answer), 200) << answer;
  EXPECT_TRUE(served.exit_code == 0 || served.exit_code == 130) << served.exit_code;  // serve() signals again
}

TEST(Serve, WantsAKeyWhereOthersCanReachIt) {
  const ProgramResult open = lpmc({"serve", "--host", "0.0.0.0", "--port", "0"});
  EXPECT_EQ(open.exit_code, 2);
  EXPECT_NE(open.err.find("--api-key-file"), std::string::npos) << open.err;
  EXPECT_EQ(lpmc({"serve", "--max-queue", "0"}).exit_code, 2);
  EXPECT_EQ(lpmc({"serve", "--api-key-file", "/nothing/here"}).exit_code, 3);
}

}  // namespace
}  // namespace lpmc::test
