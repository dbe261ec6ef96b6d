// `lpmc tag-to-caption` against a chat server on this machine.

#include <csignal>
#include <fstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/end_to_end/lpmc_program.h"
#include "tests/support/chat_server.h"
#include "tests/support/processes.h"

namespace lpmc::test {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* kKey = "sk-0123456789abcdefghij";

class TagToCaption : public ::testing::Test {
 protected:
  /// Nothing of the tester's own settings counts.
  TagToCaption() {
    for (const char* name : {"OPENAI_API_KEY", "LPMC_LLM_URL"})
      ::unsetenv(name);
    ::setenv("XDG_DATA_HOME", (folder_ / "data").c_str(), 1);
  }

  ProgramResult run(std::vector<std::string> arguments, const ProgramInput& input = {}) {
    arguments.insert(arguments.begin(), "tag-to-caption");
    return lpmc(std::move(arguments), input);
  }
  void expect_failure(std::vector<std::string> arguments, int code, const std::string& message,
                      const ProgramInput& input = {}) {
    const ProgramResult result = run(std::move(arguments), input);
    EXPECT_EQ(result.exit_code, code) << result.err;
    EXPECT_THAT(result.err, HasSubstr(message));
    EXPECT_EQ(result.out, "");
  }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::string manifest(int records) const {
    std::ofstream file(path("tags.jsonl"));
    for (int i = 0; i < records; ++i)
      file << json{{"id", fmt::format("track-{}", i)},
                   {"split", "train"},
                   {"tags", {"jazz", fmt::format("tempo {}", i)}}}
                  .dump()
           << "\n";
    return path("tags.jsonl");
  }
  std::vector<std::string> run_flags(const std::string& input, const ChatServer& server) const {
    return {"--input", input, "--db", path("run.sqlite"), "--llm", server.base_url(), "--prompt", "all"};
  }
  std::string exported(const std::string& database) {
    const ProgramResult result = run({"export", "--db", path(database), "--format", "jsonl"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.out;
  }

  TemporaryFolder folder_;
};

TEST_F(TagToCaption, PrintsQueryAndResult) {
  const ChatServer server;
  const ProgramResult result = run({"--tags", "beatbox, male voice", "--llm", server.base_url()});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const std::string query =
      "write a song description sentence including the following attributes. \n beatbox, male voice";
  EXPECT_EQ(result.out, query + "\n----------\n" + expected_caption(query) + "\n");
  EXPECT_THAT(result.err, AllOf(HasSubstr(server.base_url()), HasSubstr("loopback-model")));
}

TEST_F(TagToCaption, PrintsTheRecordAsJson) {
  const ChatServer server;
  const ProgramResult result = run({"--tags", "jazz", "--prompt", "all", "--format", "json", "--seed", "7",
                                    "--temperature", "0.5", "--llm", server.base_url()});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const auto lines = lines_of(result.out);
  ASSERT_EQ(lines.size(), 4U);
  const json record = json::parse(lines[3]);
  EXPECT_EQ(record["prompt"], "attribute_prediction");
  EXPECT_THAT(record["query"].get<std::string>(), HasSubstr("the following single attribute"));
  EXPECT_EQ(record["caption"], expected_caption(record["query"]));
  EXPECT_FALSE(record["new_attributes"].empty());
  EXPECT_EQ(record["model"], "loopback-model");
  EXPECT_EQ(record["sampling"]["temperature"], 0.5);
  EXPECT_EQ(record["prompt_hash"].get<std::string>().size(), 64U);
  EXPECT_TRUE(record["validation"].contains("coverage"));
}

TEST_F(TagToCaption, ReadsLinesOfTags) {
  const ChatServer server;
  ProgramInput input;
  input.standard_input = "jazz, slow\n\n['rock', 'fast']\n";
  const ProgramResult result =
      run({"--tags-from", "-", "--format", "json", "--llm", server.base_url()}, input);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const auto lines = lines_of(result.out);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(json::parse(lines[0])["tags"], (json{"jazz", "slow"}));
  EXPECT_EQ(json::parse(lines[1])["tags"], (json{"rock", "fast"}));
  EXPECT_EQ(json::parse(lines[1])["id"], "3");
  EXPECT_EQ(run({"--llm", server.base_url(), "--format", "json"}, input).out, result.out);

  std::ofstream(path("tags.txt")) << input.standard_input;
  EXPECT_EQ(run({"--llm", server.base_url(), "--format", "json", "--tags-from", path("tags.txt")}).out,
            result.out);
}

TEST_F(TagToCaption, BaselinesNeedNoModelAndSaySo) {
  const ProgramResult result = run({"--tags", "jazz, slow", "--llm", "template", "--seed", "1"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("the music is characterized by "));
  EXPECT_THAT(result.err, HasSubstr("baseline 'template'"));
  EXPECT_EQ(run({"--tags", "jazz, slow", "--llm", "template", "--seed", "1"}).out, result.out);
  EXPECT_THAT(run({"--tags", "jazz", "--llm", "tag-concat"}).out, "jazz\n----------\njazz\n");
}

TEST_F(TagToCaption, FlagsReadTheEnvironmentOfTheirOwnCommand) {
  ProgramInput input;
  input.environment = {{"LPMC_LLM", "tag-concat"}, {"LPMC_FORMAT", "json"}};
  EXPECT_THAT(run({"--tags", "jazz"}, input).out, StartsWith("{\"id\""));
  EXPECT_EQ(run({"--input", manifest(2), "--db", path("run.sqlite")}, input).exit_code, 0);
  input.environment = {{"LPMC_FORMAT", "csv"}};  // no format of the main command
  EXPECT_THAT(run({"export", "--db", path("run.sqlite")}, input).out, StartsWith("id,split"));
  EXPECT_EQ(run({"--tags", "jazz", "--llm", "template"}, input).exit_code, 2);
  input.environment = {{"LPMC_DB", path("other.sqlite")}, {"LPMC_FORMAT", "csv"}};  // flags come first
  EXPECT_THAT(run({"export", "--db", path("run.sqlite"), "--format", "jsonl"}, input).out,
              StartsWith("{\"id\""));
}

TEST_F(TagToCaption, TakesAPromptOfTheUsersOwn) {
  const ChatServer server;
  std::ofstream(path("haiku.txt")) << "write a haiku about {tags}\n";
  const ProgramResult result =
      run({"--tags", "jazz, slow", "--prompt-file", path("haiku.txt"), "--llm", server.base_url()});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, StartsWith("write a haiku about jazz, slow\n----------\n"));
}

TEST_F(TagToCaption, RefusesWrongUsage) {
  expect_failure({"--tags", "a", "--input", "b"}, 2, "expected one of --tags");
  expect_failure({"--tags", "a", "--llm", "gpt"}, 2, "--llm: expected auto");
  expect_failure({"--tags", " , ", "--llm", "template"}, 2, "expected at least one");
  expect_failure({"--tags", "a", "--db", "x", "--llm", "template"}, 2, "--db: expected --input");
  expect_failure({"--input", manifest(1), "--llm", "template"}, 2, "expected --db");
  expect_failure({"--tags", "a", "--llm", "template", "--prompt", "poem"}, 2, "expected writing|");
  expect_failure({"--tags", "a", "--llm", "template", "--min-coverage", "2"}, 2, "min-coverage");
  expect_failure({"--input", manifest(2), "--db", path("x.sqlite"), "--split", "test", "--llm", "template"},
                 2, "expected records with tags");
  expect_failure({"--tags", "a", "--llm", "https://127.0.0.1:9/v1", "--max-cost", "1"}, 3, "127.0.0.1:9");
}

TEST_F(TagToCaption, SaysWhatTheRunNeeds) {
  expect_failure({"--tags", "a", "--llm", "openai"}, 3, "OPENAI_API_KEY");
  expect_failure({"--tags", "a", "--llm", "embedded"}, 3, "later version");
  expect_failure({"--tags", "a", "--llm", "http://127.0.0.1:1/v1"}, 3, "127.0.0.1:1");
  expect_failure({"status", "--db", path("none.sqlite")}, 3, "no such database");
  expect_failure({"export", "--db", path("none.sqlite")}, 3, "no such database");
  EXPECT_FALSE(std::filesystem::exists(path("none.sqlite")));
  std::ofstream(path("text.sqlite")) << "no database at all, but long enough to be one if it wanted"
                                     << std::string(200, '.');
  expect_failure({"status", "--db", path("text.sqlite")}, 3, "no SQLite database");
  expect_failure({"--input", path("none.json"), "--db", path("new.sqlite"), "--llm", "template"}, 3,
                 "none.json");
}

TEST_F(TagToCaption, FallsBackToTheLocalModelOnlyWithWords) {
  ProgramInput input;
  input.environment["PATH"] = "/nowhere";
  const ProgramResult result = run({"--tags", "a"}, input);
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("no API key, no LPMC_LLM_URL"));
  EXPECT_THAT(result.err, HasSubstr("install_local_llm.sh"));

  const ChatServer server;
  input.environment["LPMC_LLM_URL"] = server.base_url();
  EXPECT_THAT(run({"--tags", "a"}, input).err, HasSubstr("(LPMC_LLM_URL)"));
}

TEST_F(TagToCaption, AFailedLineCostsOnlyItself) {
  ChatServerOptions options;
  options.fault = [](const ChatQuery& query) {
    return query.query.find("bad") != std::string::npos ? ChatFault::bad_request : ChatFault::none;
  };
  const ChatServer server(options);
  ProgramInput input;
  input.standard_input = "jazz\nbad\nrock\n";
  const ProgramResult result = run({"--llm", server.base_url(), "--format", "json"}, input);
  EXPECT_EQ(result.exit_code, 1);
  const auto lines = lines_of(result.out);
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_TRUE(json::parse(lines[1]).contains("error"));
  EXPECT_FALSE(json::parse(lines[2]).contains("error"));
  EXPECT_THAT(result.err, HasSubstr("line 2: writing: "));
}

TEST_F(TagToCaption, CaptionsADataSetOnce) {
  const ChatServer server;
  const std::string input = manifest(30);
  const ProgramResult first = run(run_flags(input, server));
  EXPECT_EQ(first.exit_code, 0) << first.err;
  EXPECT_THAT(first.err, HasSubstr("30 records, 120 new captions"));
  EXPECT_EQ(first.out, "");
  EXPECT_EQ(server.counts().answered, 120);

  const ProgramResult again = run(run_flags(input, server));
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(server.counts().answered, 120) << "nothing is paid twice";

  const auto lines = lines_of(exported("run.sqlite"));
  ASSERT_EQ(lines.size(), 120U);
  EXPECT_EQ(json::parse(lines[0])["id"], "track-0");
  const ProgramResult status = run({"status", "--db", path("run.sqlite")});
  EXPECT_THAT(status.out, AllOf(HasSubstr("writing: 30 done"), HasSubstr("coverage")));
  const json figures = json::parse(run({"status", "--db", path("run.sqlite"), "--format", "json"}).out);
  EXPECT_EQ(figures["records"], 30);
  EXPECT_EQ(figures["attempts"], 120);
}

TEST_F(TagToCaption, ExportsEveryFormat) {
  EXPECT_EQ(run({"--input", manifest(3), "--db", path("run.sqlite"), "--llm", "template"}).exit_code, 0);
  const std::string db = path("run.sqlite");
  EXPECT_EQ(run({"export", "--db", db, "--format", "csv", "-o", path("out.csv")}).exit_code, 0);
  EXPECT_EQ(read_file(path("out.csv")), run({"export", "--db", db, "--format", "csv"}).out);
  EXPECT_EQ(run({"export", "--db", db, "--format", "jsonl", "-o", path("out.jsonl")}).exit_code, 0);
  EXPECT_EQ(read_file(path("out.jsonl")), exported("run.sqlite"));
  EXPECT_EQ(run({"export", "--db", db, "--format", "tree", "-o", path("tree")}).exit_code, 0);
  EXPECT_THAT(read_file(path("tree/tags/writing/train/track-1.txt")),
              StartsWith("the music is characterized"));
  EXPECT_EQ(run({"export", "--db", db, "--format", "hf", "-o", path("hf")}).exit_code, 0);
  EXPECT_THAT(read_file(path("hf/README.md")), HasSubstr("template"));
  EXPECT_EQ(run({"export", "--db", db, "--format", "manifest", "-o", path("m.jsonl")}).exit_code, 0);
  EXPECT_EQ(lines_of(read_file(path("m.jsonl"))).size(), 3U);
  // A build without Arrow says so.
  const ProgramResult parquet = run({"export", "--db", db, "--format", "parquet", "-o", path("p")});
  if (parquet.exit_code == 0) {
    EXPECT_THAT(read_file(path("p")), AllOf(StartsWith("PAR1"), EndsWith("PAR1")));
  } else {
    EXPECT_EQ(parquet.exit_code, 3);
    EXPECT_THAT(parquet.err, HasSubstr("Arrow"));
  }
  expect_failure({"export", "--db", db, "--format", "tree"}, 2, "--output");
  EXPECT_EQ(run({"report", "--db", db, "-o", path("report.html")}).exit_code, 0);
  EXPECT_THAT(read_file(path("report.html")), AllOf(HasSubstr("<svg"), Not(HasSubstr("<script"))));
}

TEST_F(TagToCaption, InterruptedRunsGoOn) {
  ChatServerOptions options;
  options.latency_s = 0.02;
  const ChatServer server(options);
  const std::string input = manifest(100);
  ProgramInput interrupt;
  interrupt.while_running = [&](int pid) {
    eventually([&] { return server.counts().answered > 20; });
    ::kill(pid, SIGINT);
  };
  const ProgramResult result = run(run_flags(input, server), interrupt);
  EXPECT_EQ(result.exit_code, 130) << result.err;
  EXPECT_THAT(result.err, HasSubstr("interrupted"));
  EXPECT_LT(lines_of(exported("run.sqlite")).size(), 400U);

  ProgramInput kill;
  kill.while_running = [&](int pid) {
    const auto before = server.counts().answered;
    eventually([&] { return server.counts().answered > before + 20; });
    ::kill(pid, SIGKILL);
  };
  EXPECT_EQ(run(run_flags(input, server), kill).exit_code, 137);
  EXPECT_EQ(run(run_flags(input, server)).exit_code, 0);

  std::vector<std::string> whole = run_flags(input, server);
  whole[3] = path("whole.sqlite");
  EXPECT_EQ(run(whole).exit_code, 0);
  EXPECT_EQ(exported("run.sqlite"), exported("whole.sqlite"));
}

TEST_F(TagToCaption, DryRunAsksNothing) {
  const ChatServer server;
  std::vector<std::string> flags = run_flags(manifest(10), server);
  for (const char* flag : {"--dry-run", "--llm-model", "gpt-4o-mini", "--rpm", "60", "--format", "json"})
    flags.emplace_back(flag);
  const ProgramResult result = run(flags);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const json estimate = json::parse(result.out);
  EXPECT_EQ(estimate["requests"], 40);
  EXPECT_GT(estimate["cost_usd"], 0);
  EXPECT_DOUBLE_EQ(estimate["batch_cost_usd"].get<double>() * 2, estimate["cost_usd"].get<double>());
  EXPECT_DOUBLE_EQ(estimate["hours"].get<double>(), 40.0 / 60 / 60);
  EXPECT_EQ(server.counts().requests, 0);
  EXPECT_FALSE(std::filesystem::exists(path("run.sqlite")));
  flags.pop_back();
  flags.emplace_back("text");
  EXPECT_THAT(run(flags).out, HasSubstr("requests        40\n"));
}

TEST_F(TagToCaption, StopsAtTheMoneysEnd) {
  const ChatServer server;
  std::vector<std::string> flags = run_flags(manifest(50), server);
  std::ofstream(path("prices.json"))
      << R"({"models": [{"model": "loopback-model", "prompt_usd_per_million": 1000,
    "completion_usd_per_million": 1000}]})";
  for (const std::string& flag :
       {std::string("--prices"), path("prices.json"), std::string("--max-cost"), std::string("2")})
    flags.push_back(flag);
  const ProgramResult result = run(flags);
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_THAT(result.err, HasSubstr("--max-cost is reached"));
  const json figures = json::parse(run({"status", "--db", path("run.sqlite"), "--format", "json"}).out);
  EXPECT_LE(figures["cost_usd"], 2.0);
  EXPECT_GT(figures["cost_usd"], 0.5);
}

TEST_F(TagToCaption, TheKeyIsNowhere) {
  ChatServerOptions options;
  options.api_key = kKey;
  options.latency_s = 0.01;
  const ChatServer server(options);
  std::string seen;
  ProgramInput input;
  input.environment["OPENAI_API_KEY"] = kKey;
  input.while_running = [&](int pid) {
    eventually([&] { return server.counts().answered > 0; });
    EXPECT_THAT(read_file(fmt::format("/proc/{}/limits", pid)),
                ::testing::ContainsRegex("Max core file size +0 +0 "));
    EXPECT_EQ(read_file(fmt::format("/proc/{}/coredump_filter", pid)), "00000000\n");
    for (const char* file : {"cmdline", "environ"})
      seen += read_file(fmt::format("/proc/{}/{}", pid, file));
  };
  const ProgramResult result = run(run_flags(manifest(30), server), input);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(server.last_authorization(), std::string("Bearer ") + kKey);

  input.environment["OPENAI_API_KEY"] = std::string(kKey) + "-wrong";
  input.while_running = nullptr;
  const ProgramResult refused = run({"--tags", "a", "--llm", server.base_url(), "-vv"}, input);
  EXPECT_EQ(refused.exit_code, 3);
  std::string everything = seen + result.out + result.err + refused.out + refused.err;
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
    if (entry.is_regular_file()) everything += read_file(entry.path());
  }
  EXPECT_THAT(everything, HasSubstr("--db"));  // the command line was seen
  EXPECT_THAT(everything, Not(HasSubstr("0123456789abcdefghij")));
}

TEST_F(TagToCaption, AsksWordNetForSynonyms) {
  if (!std::filesystem::exists("/usr/share/wordnet/data.noun")) GTEST_SKIP() << "WordNet is not installed";
  ChatServerOptions options;
  options.answer = [](const std::string&) { return "A piece with a telephone and much laughter."; };
  const ChatServer server(options);
  const auto coverage = [&](const std::string& tags) {
    const ProgramResult result = run({"--tags", tags, "--llm", server.base_url(), "--format", "json"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return json::parse(result.out)["validation"]["coverage"].get<double>();
  };
  EXPECT_EQ(coverage("phone, gunshot"), 0.5);
  EXPECT_EQ(coverage("phone"), 1);
  EXPECT_EQ(coverage("pop, start"), 0) << "a genre has no everyday synonyms";
  expect_failure({"--tags", "a", "--llm", "template", "--wordnet", path("none")}, 3, "none");
}

TEST_F(TagToCaption, EvaluatesWhatItExports) {
  std::ofstream manifest(path("mc.jsonl"));
  for (int i = 0; i < 3; ++i)
    manifest << json{{"id", fmt::format("clip-{}", i)},
                     {"split", i == 0 ? "train" : "test"},
                     {"tags", {"jazz", fmt::format("piano number {}", i)}},
                     {"caption", fmt::format("Jazz with piano number {}.", i)}}
                    .dump()
             << "\n";
  manifest.close();
  EXPECT_EQ(
      run({"--input", path("mc.jsonl"), "--db", path("run.sqlite"), "--llm", "template", "--prompt", "all"})
          .exit_code,
      0);
  expect_failure({"export", "--db", path("run.sqlite"), "--format", "inference", "-o", path("i.json")}, 2,
                 "--task");
  EXPECT_EQ(run({"export", "--db", path("run.sqlite"), "--format", "inference", "--task", "writing",
                 "--split", "test", "-o", path("inference.json")})
                .exit_code,
            0);
  const ProgramResult result =
      lpmc({"evaluate", path("inference.json"), "--no-bertscore", "--format", "json"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_GT(json::parse(result.out)["bleu1"], 0.2);
}

TEST_F(TagToCaption, TakesTheKeyFromAFile) {
  ChatServerOptions options;
  options.api_key = kKey;
  const ChatServer server(options);
  std::ofstream(path("key")) << kKey << "\n";
  const std::vector<std::string> flags = {"--tags",         "a",        "--llm", server.base_url(),
                                          "--api-key-file", path("key")};
  EXPECT_EQ(run(flags).exit_code, 0);
  EXPECT_THAT(run(flags).err, HasSubstr("chmod 600"));
  std::ofstream(path("key")) << "two words\n";
  const ProgramResult bad = run(flags);
  EXPECT_EQ(bad.exit_code, 2);
  EXPECT_THAT(bad.err, AllOf(HasSubstr("expected an API key"), Not(HasSubstr("two words"))));
  EXPECT_EQ(run({"--tags", "a", "--llm", server.base_url(), "--api-key-file", path("no")}).exit_code, 3);
}

TEST_F(TagToCaption, GoesOnWithTheOriginalsTree) {
  const std::filesystem::path writing = folder_ / "samples/tags/writing/train";
  std::filesystem::create_directories(writing);
  std::ofstream(writing / "track-1.txt") << "A caption that was paid for already.";
  const ProgramResult imported =
      run({"import", path("samples"), "--input", manifest(3), "--db", path("run.sqlite")});
  EXPECT_EQ(imported.exit_code, 0) << imported.err;
  EXPECT_THAT(imported.out, HasSubstr("1 captions imported"));
  const ChatServer server;
  EXPECT_EQ(run({"--db", path("run.sqlite"), "--llm", server.base_url()}).exit_code, 0);
  EXPECT_EQ(server.counts().answered, 2);
  EXPECT_THAT(exported("run.sqlite"), HasSubstr("A caption that was paid for already."));
}

TEST_F(TagToCaption, BatchesNeedAServerThatHasThem) {
  const ChatServer server;
  expect_failure({"batch", "submit", "--input", manifest(2), "--db", path("run.sqlite"), "--llm", "template"},
                 2, "batch: expected --llm openai");
  const ProgramResult refused = run({"batch", "submit", "--db", path("run.sqlite"), "--llm",
                                     server.base_url(), "--llm-model", "loopback-model"});
  EXPECT_EQ(refused.exit_code, 3) << refused.err;
  EXPECT_EQ(run({"--db", path("run.sqlite"), "--llm", server.base_url()}).exit_code, 0)
      << "its jobs wait again";
  EXPECT_EQ(server.counts().answered, 2);
}

TEST_F(TagToCaption, ReportsProgressAsJson) {
  const ChatServer server;
  std::vector<std::string> flags = run_flags(manifest(10), server);
  flags.emplace_back("--progress=json");
  const auto lines = lines_of(run(flags).err);
  const auto last =
      std::find_if(lines.rbegin(), lines.rend(), [](const auto& line) { return line.starts_with('{'); });
  ASSERT_NE(last, lines.rend());
  EXPECT_EQ(json::parse(*last)["done"], 40);
  EXPECT_EQ(json::parse(*last)["total"], 40);
}

TEST_F(TagToCaption, ReadsMusicCapsWhole) {
  const auto csv = shared_path("data/musiccaps-public.csv");
  if (!csv) GTEST_SKIP() << "musiccaps-public.csv is not there";
  const ProgramResult result = run({"--input", csv->string(), "--db", path("run.sqlite"), "--llm", "template",
                                    "--prompt", "all", "--policy", "keep"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const json figures = json::parse(run({"status", "--db", path("run.sqlite"), "--format", "json"}).out);
  EXPECT_EQ(figures["records"], 5521);
  for (const json& task : figures["tasks"])
    EXPECT_EQ(task["done"], 5521);
}

}  // namespace
}  // namespace lpmc::test
