// What a run does with flawed and unreadable answers, and runs of writers.

#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "lpmc/tag_to_caption/runner.h"

#include "tests/unit/tag_to_caption/run_bench.h"

namespace lpmc {
namespace {

using test::ChatServerOptions;
using test::make_records;
using test::StoreFolder;
using Bench = test::RunBench;

// --- Policies ---

TEST(RunnerPolicy, AnUnreadableAnswerIsAskedAgainThenFails) {
  ChatServerOptions options;
  options.answer = [](const std::string& query) {
    return query.find("dictionary") != std::string::npos ? std::string("no dictionary")
                                                         : test::chat_answer(query);
  };
  Bench bench(options, 1);
  RunSetup setup = bench.setup();
  setup.max_repairs = 2;
  EXPECT_EQ(run_jobs(setup), RunEnd::some_failed);
  EXPECT_EQ(bench.store.counts().done, 3);
  EXPECT_EQ(bench.server.counts().requests, 3 + 3);
  bench.store.for_each([](const StoredCaption& item) {
    if (item.prompt_id != "attribute_prediction") return;
    EXPECT_EQ(item.state, JobState::failed);
    EXPECT_NE(item.error.find("dictionary"), std::string::npos) << item.error;
    EXPECT_EQ(item.last_attempt.raw_text, "no dictionary");
  });
}

TEST(RunnerPolicy, RetryAsksForABetterAnswerAndKeepsTheBest) {
  ChatServerOptions options;
  // The first answer says nothing of the tags; the question for a repair names it, and gets the right one.
  options.answer = [](const std::string& query) -> std::string {
    const bool repair = query.find("A pleasant recording of something or other.") != std::string::npos;
    return repair ? "Jazz piano music, played slow at tempo 0."
                  : "A pleasant recording of something or other.";
  };
  Bench bench(options, 1, 1);
  RunSetup setup = bench.setup();
  setup.policy = FlawPolicy::retry;
  EXPECT_EQ(run_jobs(setup), RunEnd::all_done);
  bench.store.for_each([](const StoredCaption& item) {
    EXPECT_EQ(item.result.caption, "Jazz piano music, played slow at tempo 0.");
    EXPECT_NE(item.result.validation, "");
  });
  EXPECT_GE(bench.server.counts().requests, 2);
}

TEST(RunnerPolicy, DropDropsAndFlagKeeps) {
  for (const FlawPolicy policy : {FlawPolicy::drop, FlawPolicy::flag}) {
    ChatServerOptions options;
    options.answer = [](const std::string&) {
      return "I'm sorry, but as an AI language model I can't do that.";
    };
    Bench bench(options, 3, 1);
    RunSetup setup = bench.setup();
    setup.policy = policy;
    EXPECT_EQ(run_jobs(setup), RunEnd::all_done);
    EXPECT_EQ(bench.store.counts().dropped, policy == FlawPolicy::drop ? 3 : 0);
    EXPECT_EQ(bench.store.counts().done, policy == FlawPolicy::drop ? 0 : 3);
    EXPECT_EQ(bench.server.counts().requests, 3);
    bench.store.for_each([&](const StoredCaption& item) {
      const std::string& said = policy == FlawPolicy::drop ? item.error : item.result.validation;
      EXPECT_NE(said.find("refusal"), std::string::npos) << said;
    });
  }
}

// Killed between a flawed answer and its repair: the answer is in the database, and is not paid again.
TEST(RunnerPolicy, AnInterruptedRepairGoesOnWhereItWas) {
  ChatServerOptions options;
  options.answer = [](const std::string&) { return "Jazz piano music, slow, at tempo 0."; };
  Bench bench(options, 1, 1);
  {
    const Job job = bench.store.take(1, 60)[0];
    Attempt attempt;
    attempt.raw_text = "A pleasant recording of something or other.";
    attempt.status = 200;
    bench.store.record_attempt(job.id, attempt);
    bench.store.retry_later(job.id);
    bench.store.flush();
  }
  RunSetup setup = bench.setup();
  setup.policy = FlawPolicy::retry;
  EXPECT_EQ(run_jobs(setup), RunEnd::all_done);
  EXPECT_NE(bench.server.last_body().find("A pleasant recording"), std::string::npos);
  EXPECT_EQ(bench.store.counts().attempts, 1 + bench.server.counts().requests);
}

// --- Writers ---

TEST(RunnerWriter, WritesBaselinesTheSameEveryTime) {
  std::vector<std::string> first;
  for (int round = 0; round < 2; ++round) {
    const StoreFolder folder;
    JobStore store(folder.database());
    store.add(make_records(300), published_prompts());
    RunSetup setup;
    setup.store = &store;
    setup.writer = [](const Prompt&, std::span<const std::string> tags, std::uint64_t seed) {
      return template_caption(tags, seed);
    };
    setup.writer_name = "template";
    setup.policy = FlawPolicy::keep;
    setup.seed = 5;
    if (round == 1) {  // interrupted after a part
      std::stop_source stop;
      int written = 0;
      RunSetup part = setup;
      part.finish_in_flight = stop.get_token();
      part.writer = [&](const Prompt& prompt, std::span<const std::string> tags, std::uint64_t seed) {
        if (++written == 100) stop.request_stop();
        return setup.writer(prompt, tags, seed);
      };
      EXPECT_EQ(run_jobs(part), RunEnd::interrupted);
      EXPECT_EQ(store.counts().done, 100);
      EXPECT_EQ(store.counts().taken, 0);
    }
    EXPECT_EQ(run_jobs(setup), RunEnd::all_done);
    std::vector<std::string> captions;
    store.for_each([&](const StoredCaption& item) {
      EXPECT_EQ(item.state, JobState::done);
      EXPECT_EQ(item.last_attempt.model, "template");
      captions.push_back(item.result.caption);
    });
    EXPECT_EQ(captions.size(), 1200U);
    EXPECT_EQ(std::set<std::string>(captions.begin(), captions.end()).size() > 600, true);
    if (round == 0) first = captions;
    if (round == 1) {
      EXPECT_EQ(captions, first);
    }
  }
}

}  // namespace
}  // namespace lpmc
