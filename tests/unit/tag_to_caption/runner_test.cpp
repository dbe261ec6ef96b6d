#include "lpmc/tag_to_caption/runner.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "lpmc/base/error.h"

#include "tests/unit/tag_to_caption/run_bench.h"

namespace lpmc {
namespace {

using test::ChatFault;
using test::ChatQuery;
using test::ChatServer;
using test::ChatServerOptions;
using test::make_records;
using test::StoreFolder;
using Bench = test::RunBench;

/// Every job is done, with the caption that belongs to its own query.
void expect_all_right(const JobStore& store, std::int64_t jobs) {
  std::map<std::string, Prompt> prompts;
  for (const Prompt& prompt : published_prompts())
    prompts.emplace(prompt.id, prompt);
  std::int64_t seen = 0, wrong = 0;
  store.for_each([&](const StoredCaption& item) {
    ++seen;
    const std::string query = make_query(prompts.at(item.prompt_id), item.record.tags);
    wrong += item.state == JobState::done && item.result.caption == test::expected_caption(query) ? 0 : 1;
  });
  EXPECT_EQ(seen, jobs);
  EXPECT_EQ(wrong, 0);
}

TEST(Runner, DoesEveryJobOnce) {
  Bench bench;
  std::vector<RunProgress> progress;
  RunSetup setup = bench.setup();
  setup.on_progress = [&](const RunProgress& now) { progress.push_back(now); };
  EXPECT_EQ(run_jobs(setup), RunEnd::all_done);
  expect_all_right(bench.store, 200);
  EXPECT_EQ(bench.server.counts().requests, 200);
  EXPECT_EQ(bench.store.counts().attempts, 200);
  EXPECT_GT(bench.store.counts().prompt_tokens, 0);
  ASSERT_FALSE(progress.empty());
  EXPECT_EQ(progress.back().total, 200);
  EXPECT_EQ(progress.back().done, 200);
  EXPECT_EQ(progress.back().in_flight, 0);
  // Again: nothing is left to pay for.
  EXPECT_EQ(run_jobs(setup), RunEnd::all_done);
  EXPECT_EQ(bench.server.counts().requests, 200);
}

TEST(Runner, KeepsAttributesAndProvenance) {
  Bench bench({}, 3);
  ChatOptions options;
  options.temperature = 0.5;
  options.seed = 7;
  bench.connect(options);
  EXPECT_EQ(run_jobs(bench.setup()), RunEnd::all_done);
  std::set<std::int64_t> seeds;
  bench.store.for_each([&](const StoredCaption& item) {
    const auto prompt = find_prompts(item.prompt_id)[0];
    EXPECT_EQ(item.result.new_attributes.empty(), item.prompt_id != "attribute_prediction");
    EXPECT_EQ(item.last_attempt.prompt_hash, prompt.hash());
    EXPECT_EQ(item.last_attempt.tool_version, "test");
    EXPECT_EQ(item.last_attempt.model, "loopback-model");
    EXPECT_EQ(item.last_attempt.sampling, R"({"max_tokens":256,"temperature":0.5})");
    EXPECT_FALSE(item.last_attempt.raw_text.empty());
    seeds.insert(item.last_attempt.seed);
  });
  EXPECT_EQ(seeds.size(), 12U);
}

TEST(Runner, FaultsOfAllKindsEndWithEachJobExactlyOnce) {
  ChatServerOptions options;
  options.retry_after_s = 0.001;
  options.slow_s = 0.002;
  options.fault = [](const ChatQuery& query) {
    static const ChatFault kFaults[] = {ChatFault::too_many_requests,
                                        ChatFault::too_many_requests_retry_after,
                                        ChatFault::server_error,
                                        ChatFault::unavailable,
                                        ChatFault::truncated_json,
                                        ChatFault::cut_chunks,
                                        ChatFault::cut_body,
                                        ChatFault::slow_first_byte,
                                        ChatFault::reset,
                                        ChatFault::wrong_content_type,
                                        ChatFault::answered_twice};
    // Three in ten requests go wrong, each kind as often.
    const auto hash =
        std::hash<std::string>{}(query.query) + 7919U * static_cast<unsigned>(query.times_asked);
    return hash % 10 < 3 ? kFaults[hash / 10 % std::size(kFaults)] : ChatFault::none;
  };
  const char* const more = std::getenv("LPMC_FAULT_JOBS");  // 100000 takes half a minute
  const int jobs = more != nullptr ? std::atoi(more) : 2000;
  Bench bench(options, jobs / 4);
  RunSetup setup = bench.setup();
  setup.limits.max_attempts = 30;
  EXPECT_EQ(run_jobs(setup), RunEnd::all_done);
  expect_all_right(bench.store, jobs);
  const StoreCounts counts = bench.store.counts();
  EXPECT_GT(counts.attempts, jobs + jobs / 10);
  EXPECT_EQ(counts.failed, 0);
}

TEST(Runner, FailsAJobAfterItsAttempts) {
  ChatServerOptions options;
  options.fault = [](const ChatQuery& query) {
    return query.query.find("tempo 3") != std::string::npos ? ChatFault::server_error : ChatFault::none;
  };
  Bench bench(options, 6, 1);
  RunSetup setup = bench.setup();
  setup.limits.max_attempts = 4;
  EXPECT_EQ(run_jobs(setup), RunEnd::some_failed);
  EXPECT_EQ(bench.store.counts().done, 5);
  EXPECT_EQ(bench.store.counts().failed, 1);
  EXPECT_EQ(bench.store.counts().attempts, 5 + 4);
  bench.store.for_each([](const StoredCaption& item) {
    if (item.state == JobState::failed) {
      EXPECT_NE(item.error.find("500"), std::string::npos) << item.error;
    }
  });
}

TEST(Runner, A400IsNeverAskedAgain) {
  ChatServerOptions options;
  options.fault = [](const ChatQuery& query) {
    return query.query.find("tempo 3") != std::string::npos ? ChatFault::bad_request : ChatFault::none;
  };
  Bench bench(options, 20, 1);
  EXPECT_EQ(run_jobs(bench.setup()), RunEnd::some_failed);
  EXPECT_EQ(bench.store.counts().failed, 1);
  EXPECT_EQ(bench.server.counts().requests, 20);
}

TEST(Runner, AWrongKeyStopsAtOnceAndIsNowhere) {
  ChatServerOptions options;
  options.api_key = "sk-right";
  Bench bench(options);
  ChatOptions wrong;
  wrong.api_key = Secret("sk-secret-wrong-key-1234567890");
  bench.connect(wrong);
  try {
    (void)run_jobs(bench.setup());
    ADD_FAILURE() << "went on";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::remote);
    EXPECT_EQ(std::string(error.what()).find("wrong-key"), std::string::npos) << error.what();
  }
  EXPECT_EQ(bench.store.counts().attempts, 1);
  EXPECT_EQ(bench.store.counts().waiting, 200);
  bench.store.for_each([](const StoredCaption& item) {
    EXPECT_EQ(item.last_attempt.error.find("wrong-key"), std::string::npos);
  });
  // With the right key the same database goes on.
  ChatOptions right;
  right.api_key = Secret("sk-right");
  bench.connect(right);
  EXPECT_EQ(run_jobs(bench.setup()), RunEnd::all_done);
}

TEST(Runner, ARequestThatIsWrongForAllStopsTheRun) {
  ChatServerOptions options;
  options.fault = [](const ChatQuery&) { return ChatFault::bad_request; };
  Bench bench(options);
  EXPECT_THROW((void)run_jobs(bench.setup()), Error);
  EXPECT_LE(bench.server.counts().requests, 10);
  EXPECT_EQ(bench.store.counts().waiting, 200);
}

TEST(Runner, NoServerIsSaidSoon) {
  Bench bench;
  ChatOptions options;
  bench.chat = std::make_unique<ChatClient>(bench.http, [] {
    ChatOptions nobody;
    nobody.base_url = "http://127.0.0.1:9/v1";
    nobody.model = "m";
    return nobody;
  }());
  try {
    (void)run_jobs(bench.setup());
    ADD_FAILURE() << "went on";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::remote);
  }
  EXPECT_EQ(bench.store.counts().waiting, 200);
}

TEST(Runner, TheBreakerEndsARunThatTheServerLeft) {
  ChatServerOptions options;
  options.fault = [](const ChatQuery& query) {
    return query.index >= 40 ? ChatFault::unavailable : ChatFault::none;
  };
  options.retry_after_s = 0.001;
  Bench bench(options);
  RunSetup setup = bench.setup();
  setup.breaker.probes = 3;
  EXPECT_EQ(run_jobs(setup), RunEnd::breaker_open);
  const StoreCounts counts = bench.store.counts();
  EXPECT_EQ(counts.done, 40);
  EXPECT_EQ(counts.failed, 0);
  EXPECT_EQ(counts.waiting, 160);
  EXPECT_LT(bench.server.counts().requests, 40 + 20 + 32 + 3 + 5);
}

TEST(Runner, AServerThatComesBackIsFoundByAProbe) {
  ChatServerOptions options;
  options.fault = [](const ChatQuery& query) {
    return query.index >= 40 && query.index < 90 ? ChatFault::reset : ChatFault::none;
  };
  Bench bench(options);
  EXPECT_EQ(run_jobs(bench.setup()), RunEnd::all_done);
  expect_all_right(bench.store, 200);
}

TEST(Runner, NothingBut429EndsTheRun) {
  ChatServerOptions options;
  options.fault = [](const ChatQuery& query) {
    return query.index >= 10 ? ChatFault::too_many_requests : ChatFault::none;
  };
  Bench bench(options);
  EXPECT_EQ(run_jobs(bench.setup()), RunEnd::breaker_open);
  EXPECT_EQ(bench.store.counts().waiting, 190);
}

TEST(Runner, MaxCostIsAHardStop) {
  Bench bench({}, 100);
  RunSetup setup = bench.setup();
  setup.limits.max_cost = 0.02;
  EXPECT_THROW((void)run_jobs(setup), Error);  // no price: it would stop nothing
  setup.usd_per_prompt_token = 1e-6;
  setup.usd_per_completion_token = 2e-6;
  EXPECT_EQ(run_jobs(setup), RunEnd::cost_reached);
  const StoreCounts counts = bench.store.counts();
  EXPECT_LE(counts.cost_usd, 0.02);
  EXPECT_GT(counts.cost_usd, 0.015);
  EXPECT_GT(counts.waiting, 0);
  EXPECT_EQ(counts.taken, 0);
  EXPECT_EQ(counts.attempts, counts.done);
  // The limit is over all runs on the database.
  EXPECT_EQ(run_jobs(setup), RunEnd::cost_reached);
  EXPECT_LE(bench.store.counts().cost_usd, 0.02);
  setup.limits.max_cost = 0;
  EXPECT_EQ(run_jobs(setup), RunEnd::all_done);
}

TEST(Runner, MaxTokensIsAHardStop) {
  Bench bench({}, 100);
  RunSetup setup = bench.setup();
  setup.limits.max_tokens_total = 10'000;
  EXPECT_EQ(run_jobs(setup), RunEnd::tokens_reached);
  const StoreCounts counts = bench.store.counts();
  EXPECT_LE(counts.prompt_tokens + counts.completion_tokens, 10'000);
  EXPECT_GT(counts.prompt_tokens + counts.completion_tokens, 9'000);
}

TEST(Runner, TheFirstStopFinishesWhatIsInFlight) {
  ChatServerOptions options;
  options.latency_s = 0.05;
  Bench bench(options, 500);
  RunSetup setup = bench.setup();
  std::stop_source stop;
  setup.finish_in_flight = stop.get_token();
  setup.on_progress = [&](const RunProgress& now) {
    if (now.done >= 20) stop.request_stop();
  };
  EXPECT_EQ(run_jobs(setup), RunEnd::interrupted);
  const StoreCounts counts = bench.store.counts();
  EXPECT_EQ(counts.done, bench.server.counts().requests);  // nothing that was asked is lost
  EXPECT_LT(counts.done, 2000);
  EXPECT_EQ(counts.taken, 0);
  setup.finish_in_flight = {};
  setup.on_progress = {};
  EXPECT_EQ(run_jobs(setup), RunEnd::all_done);
  EXPECT_EQ(bench.server.counts().requests, 2000);
}

TEST(Runner, TheSecondStopGivesBackWhatIsInFlight) {
  ChatServerOptions options;
  options.latency_s = 30;
  Bench bench(options, 10);
  RunSetup setup = bench.setup();
  std::stop_source stop;
  setup.finish_in_flight = stop.get_token();
  setup.stop_now = stop.get_token();
  std::thread thread([&] {
    while (bench.server.counts().requests == 0)
      std::this_thread::yield();
    stop.request_stop();
  });
  EXPECT_EQ(run_jobs(setup), RunEnd::interrupted);
  thread.join();
  EXPECT_EQ(bench.store.counts().waiting, 40);
}

TEST(Runner, TwoRunsShareADatabase) {
  ChatServerOptions options;
  options.latency_s = 0.001;
  Bench bench(options, 300);
  std::thread other([&] {
    JobStore store(bench.folder.database());
    RunSetup setup = bench.setup();
    setup.store = &store;
    EXPECT_EQ(run_jobs(setup), RunEnd::all_done);
  });
  EXPECT_EQ(run_jobs(bench.setup()), RunEnd::all_done);
  other.join();
  expect_all_right(bench.store, 1200);
  EXPECT_EQ(bench.server.counts().requests, 1200);
  EXPECT_EQ(bench.server.counts().answered_more_than_once, 0);
}

TEST(Runner, RateLimitsAreKept) {
  Bench bench({}, 200, 1);
  RunSetup setup = bench.setup();
  setup.limits.rpm = 6000;  // a hundred a second
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(run_jobs(setup), RunEnd::all_done);
  // Never faster than the limit; how much slower depends on the machine.
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(1850));
}

TEST(Runner, WrongSetupsAreNamed) {
  Bench bench({}, 1);
  RunSetup setup = bench.setup();
  setup.limits.concurrency = 0;
  EXPECT_THROW((void)run_jobs(setup), Error);
  setup = bench.setup();
  setup.limits.rpm = -1;
  EXPECT_THROW((void)run_jobs(setup), Error);
  setup = bench.setup();
  setup.chat = nullptr;
  EXPECT_THROW((void)run_jobs(setup), Error);
}

}  // namespace
}  // namespace lpmc
