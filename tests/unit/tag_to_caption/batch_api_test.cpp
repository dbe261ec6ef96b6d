#include "lpmc/tag_to_caption/batch_api.h"

#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "lpmc/base/error.h"
#include "lpmc/tag_to_caption/batch_server.h"
#include "lpmc/tag_to_caption/runner.h"

#include "tests/support/chat_server.h"
#include "tests/support/loopback_server.h"
#include "tests/unit/tag_to_caption/store_records.h"

namespace lpmc {
namespace {

using nlohmann::json;
using test::LoopbackReply;
using test::LoopbackRequest;
using test::LoopbackServer;
using test::make_records;
using test::StoreFolder;

/// Files and batches as OpenAI has them.
class FakeBatchApi {
 public:
  FakeBatchApi() : server_([this](const LoopbackRequest& request) { return handle(request); }) {}

  std::string base_url() const { return server_.origin() + "/v1"; }

  std::map<std::string, std::string> files;  ///< id to content
  std::vector<json> batches;
  bool answers_create = true;  ///< false: makes the batch, and the answer gets lost
  int refuse_create = 0;       ///< a status
  std::string status = "completed";
  /// What becomes of a request: "" a right answer, "expired", or a status.
  std::map<std::string, std::string> outcomes;
  int creates = 0;

 private:
  static LoopbackReply reply(const json& body, int status = 200) {
    LoopbackReply reply;
    reply.status = status;
    reply.body = body.dump();
    return reply;
  }

  LoopbackReply handle(const LoopbackRequest& request) {
    if (request.header("authorization") != "Bearer sk-test")
      return reply({{"error", {{"message", "no"}}}}, 401);
    if (request.method == "POST" && request.target == "/v1/files") return take_file(request);
    if (request.method == "POST" && request.target == "/v1/batches") return create(request);
    if (request.target.starts_with("/v1/batches?")) {
      return reply({{"data", batches}, {"has_more", false}});
    }
    for (json& batch : batches) {
      if (request.target == "/v1/batches/" + batch["id"].get<std::string>()) return reply(described(batch));
    }
    for (const auto& [id, content] : files) {
      if (request.target != "/v1/files/" + id + "/content") continue;
      LoopbackReply file;
      file.body = content;
      file.chunked = true;
      return file;
    }
    return reply({{"error", {{"message", "not found"}}}}, 404);
  }

  LoopbackReply take_file(const LoopbackRequest& request) {
    const std::string type = request.header("content-type");
    const std::string boundary = "--" + type.substr(type.find("boundary=") + 9);
    const std::size_t begin = request.body.find("\r\n\r\n", request.body.find("name=\"file\"")) + 4;
    const std::size_t end = request.body.find("\r\n" + boundary, begin);
    EXPECT_NE(request.body.find("name=\"purpose\"\r\n\r\nbatch\r\n"), std::string::npos);
    const std::string id = "file-" + std::to_string(files.size());
    files[id] = request.body.substr(begin, end - begin);
    return reply({{"id", id}});
  }

  LoopbackReply create(const LoopbackRequest& request) {
    ++creates;
    if (refuse_create != 0) return reply({{"error", {{"message", "billing limit"}}}}, refuse_create);
    json batch = json::parse(request.body);
    EXPECT_EQ(batch["endpoint"], "/v1/chat/completions");
    batch["id"] = "batch_" + std::to_string(batches.size());
    batch["status"] = "validating";
    batches.push_back(batch);
    if (answers_create) return reply(batch);
    LoopbackReply lost;
    lost.reset = true;
    return lost;
  }

  /// "Runs" the batch when it is first asked about.
  json described(json& batch) {
    if (batch["status"] != "validating" || status == "in_progress") return batch;
    std::string output, errors;
    std::istringstream lines(files.at(batch["input_file_id"]));
    for (std::string line; std::getline(lines, line);) {
      const json request = json::parse(line);
      const std::string query = request["body"]["messages"][0]["content"];
      const std::string outcome = outcomes.contains(query) ? outcomes[query] : "";
      json result = {{"custom_id", request["custom_id"]}, {"error", nullptr}};
      if (outcome == "expired") {
        result["response"] = nullptr;
        result["error"] = {{"code", "batch_expired"}, {"message", "This request could not be executed"}};
        errors += result.dump() + "\n";
        continue;
      }
      const int code = outcome.empty() ? 200 : std::stoi(outcome);
      json body = {{"error", {{"message", "failed"}}}};
      if (code == 200) {
        body = {
            {"model", "batch-model"},
            {"choices", {{{"message", {{"content", test::chat_answer(query)}}}, {"finish_reason", "stop"}}}},
            {"usage", {{"prompt_tokens", 100}, {"completion_tokens", 50}}}};
      }
      result["response"] = {{"status_code", code}, {"body", body}};
      (code == 200 ? output : errors) += result.dump() + "\n";
    }
    batch["status"] = status;
    files["out-" + batch["id"].get<std::string>()] = output;
    batch["output_file_id"] = "out-" + batch["id"].get<std::string>();
    if (!errors.empty()) {
      files["err-" + batch["id"].get<std::string>()] = errors;
      batch["error_file_id"] = "err-" + batch["id"].get<std::string>();
    }
    return batch;
  }

  LoopbackServer server_;
};

struct Bench {
  explicit Bench(int records = 20) : store(folder.database()) {
    store.add(make_records(records), published_prompts());
    setup.store = &store;
    setup.http = &http;
    setup.chat.base_url = api.base_url();
    setup.chat.model = "gpt-test";
    setup.chat.api_key = Secret("sk-test");
    setup.rules.policy = FlawPolicy::keep;
    setup.price = {1e-6, 2e-6};
    setup.backoff = {.base_s = 0.001, .cap_s = 0.01};
  }

  StoreFolder folder;
  FakeBatchApi api;
  HttpClient http;
  JobStore store;
  BatchSetup setup;
};

std::string query_of(const std::string& record, int number, const std::string& prompt) {
  const auto records = make_records(number + 1);
  EXPECT_EQ(records.back().id, record);
  return make_query(find_prompts(prompt)[0], records.back().tags);
}

TEST(BatchApi, SubmitsAndCollectsAtHalfPrice) {
  Bench bench;
  bench.setup.max_lines = 30;
  const auto submitted = submit_batches(bench.setup);
  ASSERT_EQ(submitted.size(), 3U);
  EXPECT_EQ(submitted[0].batch.jobs, 30);
  EXPECT_EQ(submitted[2].batch.jobs, 20);
  EXPECT_EQ(bench.store.counts().waiting, 0);
  EXPECT_TRUE(submit_batches(bench.setup).empty());
  for (const BatchInfo& info : batch_status(bench.setup))
    EXPECT_EQ(info.batch.state, "completed");

  const BatchCollection collected = collect_batches(bench.setup);
  EXPECT_EQ(collected.batches, 3);
  EXPECT_EQ(collected.done, 80);
  EXPECT_EQ(collected.failed + collected.back_to_waiting + collected.running, 0);
  const StoreCounts counts = bench.store.counts();
  EXPECT_EQ(counts.done, 80);
  EXPECT_NEAR(counts.cost_usd, 80 * (100 * 0.5e-6 + 50 * 1e-6), 1e-9);
  bench.store.for_each([](const StoredCaption& item) {
    const std::string query = make_query(find_prompts(item.prompt_id)[0], item.record.tags);
    EXPECT_EQ(item.result.caption, test::expected_caption(query));
    EXPECT_EQ(item.last_attempt.model, "batch-model");
  });
  EXPECT_EQ(collect_batches(bench.setup).batches, 0);
}

TEST(BatchApi, FilesStayUnderTheLimitInBytes) {
  Bench bench;
  bench.setup.max_file_bytes = 5000;
  const auto submitted = submit_batches(bench.setup);
  EXPECT_GT(submitted.size(), 3U);
  for (const auto& [id, content] : bench.api.files)
    EXPECT_LE(content.size(), 5000U) << id;
}

TEST(BatchApi, ExpiredAndFailedRequestsAreSortedOut) {
  Bench bench(10);
  bench.api.outcomes[query_of("track-1", 1, "writing")] = "expired";
  bench.api.outcomes[query_of("track-2", 2, "writing")] = "500";
  bench.api.outcomes[query_of("track-3", 3, "writing")] = "400";
  submit_batches(bench.setup);
  const BatchCollection collected = collect_batches(bench.setup);
  EXPECT_EQ(collected.done, 37);
  EXPECT_EQ(collected.failed, 1);
  EXPECT_EQ(collected.back_to_waiting, 2);
  EXPECT_EQ(bench.store.counts().waiting, 2);
  EXPECT_EQ(bench.store.counts().failed, 1);
  // The rest goes live.
  const test::ChatServer live;
  ChatOptions options;
  options.base_url = live.base_url();
  options.model = "m";
  ChatClient chat(bench.http, options);
  RunSetup run;
  run.store = &bench.store;
  run.chat = &chat;
  run.policy = FlawPolicy::keep;
  EXPECT_EQ(run_jobs(run), RunEnd::some_failed);
  EXPECT_EQ(live.counts().requests, 2);
  EXPECT_EQ(bench.store.counts().done, 39);
}

TEST(BatchApi, ABatchThatIsNotReadyStays) {
  Bench bench(2);
  bench.api.status = "in_progress";
  submit_batches(bench.setup);
  EXPECT_EQ(collect_batches(bench.setup).running, 1);
  EXPECT_EQ(bench.store.counts().taken, 8);
}

TEST(BatchApi, AnAnswerThatGotLostIsNotPaidTwice) {
  Bench bench(5);
  bench.api.answers_create = false;
  EXPECT_THROW(submit_batches(bench.setup), Error);
  EXPECT_EQ(bench.api.creates, 1);
  bench.api.answers_create = true;
  const auto submitted = submit_batches(bench.setup);
  EXPECT_EQ(bench.api.creates, 1);
  ASSERT_EQ(submitted.size(), 1U);
  EXPECT_EQ(submitted[0].batch.remote_id, "batch_0");
  EXPECT_EQ(collect_batches(bench.setup).done, 20);
}

TEST(BatchApi, ARefusedBatchFreesItsJobs) {
  Bench bench(5);
  bench.api.refuse_create = 400;
  try {
    submit_batches(bench.setup);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::remote);
    EXPECT_NE(std::string(error.what()).find("billing limit"), std::string::npos);
    EXPECT_EQ(std::string(error.what()).find("sk-test"), std::string::npos);
  }
  EXPECT_EQ(bench.store.counts().waiting, 20);
}

TEST(BatchApi, TheBudgetCountsWhatIsHandedOver) {
  Bench bench(100);
  bench.setup.max_cost = 0.05;
  const auto submitted = submit_batches(bench.setup);
  ASSERT_EQ(submitted.size(), 1U);
  EXPECT_LT(submitted[0].batch.jobs, 400);
  EXPECT_TRUE(submit_batches(bench.setup).empty());
  collect_batches(bench.setup);
  EXPECT_LE(bench.store.counts().cost_usd, 0.05);
}

TEST(BatchApi, CollectingTwiceWritesOnce) {
  Bench bench(5);
  submit_batches(bench.setup);
  const std::int64_t no = bench.store.batches()[0].no;
  {
    // An interrupted collection: some lines are written, the batch is still open.
    (void)batch_status(bench.setup);
    const auto ids = bench.store.batch_job_ids(no);
    Attempt attempt;
    attempt.raw_text = "x";
    bench.store.record_attempt(ids[0], attempt);
    bench.store.finish(ids[0], test::result_of("written before"));
    bench.store.flush();
  }
  EXPECT_EQ(collect_batches(bench.setup).done, 19);
  EXPECT_EQ(bench.store.counts().attempts, 20);
}

TEST(BatchLine, ReadsWhatItIsGivenAndNeverThrows) {
  EXPECT_FALSE(read_batch_line("").has_value());
  EXPECT_FALSE(read_batch_line("{").has_value());
  EXPECT_FALSE(read_batch_line("[]").has_value());
  EXPECT_FALSE(read_batch_line(R"({"custom_id": "12x"})").has_value());
  EXPECT_FALSE(read_batch_line(R"({"custom_id": 12})").has_value());
  const auto empty = read_batch_line(R"({"custom_id": "12"})");
  ASSERT_TRUE(empty.has_value());
  EXPECT_EQ(empty->job, 12);
  EXPECT_FALSE(empty->reply.ok);
  EXPECT_FALSE(empty->reply.error.empty());
  const auto odd = read_batch_line(R"({"custom_id": "7", "response": {"status_code": "x", "body": [1]}})");
  ASSERT_TRUE(odd.has_value());
  EXPECT_FALSE(odd->reply.ok);
}

}  // namespace
}  // namespace lpmc
