#include "lpmc/tag_to_caption/job_store.h"

#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lpmc/base/error.h"

#include "tests/unit/tag_to_caption/store_records.h"

namespace lpmc {
namespace {

using test::all;
using test::make_records;
using test::result_of;
using test::StoreFolder;

TEST(JobStore, KeepsRecordsAndJobsInOrder) {
  const StoreFolder folder;
  JobStore store(folder.database());
  std::vector<TagRecord> records = make_records(3);
  records[1].audio = "b.wav";
  records[1].caption = "A human's \"words\".";
  records[1].captions = {{"writing", "w"}};
  records[2].tags.clear();  // no job
  EXPECT_EQ(store.add(records, published_prompts()), 8);
  EXPECT_EQ(store.add(records, published_prompts()), 0);

  const std::vector<StoredCaption> items = all(store);
  ASSERT_EQ(items.size(), 8U);
  for (std::size_t i = 0; i < 8; ++i) {
    EXPECT_EQ(items[i].record.id, records[i / 4].id);
    EXPECT_EQ(items[i].record.tags, records[i / 4].tags);
    EXPECT_EQ(items[i].prompt_id, published_prompts()[i % 4].id);
    EXPECT_EQ(items[i].state, JobState::waiting);
  }
  EXPECT_EQ(items[4].record.audio, "b.wav");
  EXPECT_EQ(items[4].record.caption, "A human's \"words\".");
  EXPECT_EQ(items[4].record.captions.at("writing"), "w");
  EXPECT_EQ(items[4].record.split, records[1].split);
  const StoreCounts counts = store.counts();
  EXPECT_EQ(counts.waiting, 8);
  EXPECT_EQ(counts.taken + counts.done + counts.failed + counts.dropped, 0);
}

TEST(JobStore, AddsPromptsToRecordsThatAreThere) {
  const StoreFolder folder;
  JobStore store(folder.database());
  const auto prompts = published_prompts();
  EXPECT_EQ(store.add(make_records(10), prompts.subspan(2, 1)), 10);
  EXPECT_EQ(store.add(make_records(12), prompts), 10 * 3 + 2 * 4);
  EXPECT_EQ(store.counts().waiting, 48);
  ASSERT_EQ(store.prompts().size(), 4U);
  EXPECT_EQ(store.prompts()[0].id, "paraphrase");
  EXPECT_EQ(store.prompts()[0].hash(), prompts[2].hash());
  EXPECT_TRUE(store.find_job("track-11", "summary").has_value());
  EXPECT_FALSE(store.find_job("track-12", "summary").has_value());
  EXPECT_FALSE(store.find_job("track-11", "other").has_value());
}

TEST(JobStore, OthersSeeAddedRecordsAfterAFlush) {
  const StoreFolder folder;
  JobStore store(folder.database());
  for (int count = 10; count <= 30; count += 10)
    store.add(make_records(count), published_prompts());
  EXPECT_EQ(store.counts().waiting, 120);
  store.flush();
  JobStore other(folder.database());
  EXPECT_EQ(other.counts().waiting, 120);
  EXPECT_EQ(other.add(make_records(31), published_prompts()), 4);
}

TEST(JobStore, RefusesAnotherTextUnderAPromptsName) {
  const StoreFolder folder;
  JobStore store(folder.database());
  Prompt prompt{.id = "mine", .singular = "say", .plural = "say"};
  EXPECT_EQ(store.add(make_records(1), std::span(&prompt, 1)), 1);
  prompt.plural = "sing";
  store.flush();
  EXPECT_THROW(store.add(make_records(2), std::span(&prompt, 1)), Error);
  EXPECT_EQ(store.counts().waiting, 1);
}

TEST(JobStore, TakesLowestFirstAndGivesBack) {
  const StoreFolder folder;
  JobStore store(folder.database());
  store.add(make_records(5), published_prompts().subspan(0, 2));
  const std::vector<Job> first = store.take(3, 60);
  ASSERT_EQ(first.size(), 3U);
  EXPECT_EQ(first[0].record_id, "track-0");
  EXPECT_EQ(first[0].prompt_id, "writing");
  EXPECT_EQ(first[1].prompt_id, "summary");
  EXPECT_EQ(first[2].record_id, "track-1");
  EXPECT_EQ(first[2].tags, make_records(2)[1].tags);
  const std::int64_t back = first[1].id;
  store.give_back(std::span(&back, 1));
  const std::vector<Job> next = store.take(2, 60);
  ASSERT_EQ(next.size(), 2U);
  EXPECT_EQ(next[0].id, back);
  EXPECT_GT(next[1].id, first[2].id);
  EXPECT_EQ(store.counts().taken, 4);
}

TEST(JobStore, KeepsAttemptsAndEnds) {
  const StoreFolder folder;
  std::vector<Job> jobs;
  {
    JobStore store(folder.database());
    store.add(make_records(4), published_prompts().subspan(0, 1));
    jobs = store.take(4, 60);
    Attempt attempt;
    attempt.model = "m";
    attempt.prompt_hash = "h";
    attempt.sampling = "{}";
    attempt.tool_version = "1";
    attempt.status = 429;
    attempt.error = "slow down";
    store.record_attempt(jobs[0].id, attempt);
    attempt = Attempt(attempt);
    attempt.status = 200;
    attempt.error.clear();
    attempt.raw_text = std::string("text \0 with a zero and \xff", 24);
    attempt.finish_reason = "stop";
    attempt.seed = 77;
    attempt.usage = {100, 20, true};
    attempt.latency_s = 0.5;
    attempt.cost_usd = 0.25;
    attempt.time_unix_ms = 1'700'000'000'123;
    store.record_attempt(jobs[0].id, attempt);
    JobResult result = result_of("A caption.");
    result.new_attributes = {"warm", "soft \"x\""};
    result.validation = "{\"coverage\":1}";
    store.finish(jobs[0].id, result);
    store.fail(jobs[1].id, "refused", JobState::failed);
    store.fail(jobs[2].id, "names", JobState::dropped);
    store.retry_later(jobs[3].id);
    EXPECT_EQ(store.queued(), 6U);
    store.flush();
    EXPECT_EQ(store.queued(), 0U);
  }
  JobStore store(folder.database());
  const StoreCounts counts = store.counts();
  EXPECT_EQ(counts.waiting, 1);
  EXPECT_EQ(counts.done, 1);
  EXPECT_EQ(counts.failed, 1);
  EXPECT_EQ(counts.dropped, 1);
  EXPECT_EQ(counts.attempts, 2);
  EXPECT_EQ(counts.prompt_tokens, 100);
  EXPECT_EQ(counts.completion_tokens, 20);
  EXPECT_DOUBLE_EQ(counts.cost_usd, 0.25);
  const std::vector<StoredCaption> items = all(store);
  EXPECT_EQ(items[0].state, JobState::done);
  EXPECT_EQ(items[0].result.caption, "A caption.");
  EXPECT_EQ(items[0].result.new_attributes, (std::vector<std::string>{"warm", "soft \"x\""}));
  EXPECT_EQ(items[0].result.validation, "{\"coverage\":1}");
  EXPECT_EQ(items[0].last_attempt.raw_text, std::string("text \0 with a zero and \xff", 24));
  EXPECT_EQ(items[0].last_attempt.model, "m");
  EXPECT_EQ(items[0].last_attempt.seed, 77);
  EXPECT_EQ(items[0].last_attempt.status, 200);
  EXPECT_TRUE(items[0].last_attempt.usage.reported);
  EXPECT_EQ(items[0].last_attempt.time_unix_ms, 1'700'000'000'123);
  EXPECT_EQ(items[1].error, "refused");
  EXPECT_EQ(items[2].state, JobState::dropped);
  EXPECT_EQ(store.retry_failed(), 1);
  EXPECT_EQ(store.counts().waiting, 2);
  // 429 is no attempt of the job's.
  EXPECT_EQ(store.take(1, 60)[0].attempts, 0);
}

TEST(JobStore, AnAnswerWithoutAnEndComesBackWithTheJob) {
  const StoreFolder folder;
  {
    JobStore store(folder.database());
    store.add(make_records(1), published_prompts().subspan(0, 1));
    const Job job = store.take(1, 60)[0];
    EXPECT_EQ(job.answers, 0);
    Attempt attempt;
    attempt.raw_text = "a bad answer";
    attempt.finish_reason = "length";
    attempt.status = 200;
    store.record_attempt(job.id, attempt);
    store.propose(job.id, result_of("bad"), 3);
    attempt = Attempt();
    attempt.error = "broken";
    store.record_attempt(job.id, attempt);
    store.flush();
    EXPECT_EQ(all(store)[0].result.caption, "");  // proposed is not done
  }
  JobStore store(folder.database());
  const Job job = store.take(1, 60)[0];
  EXPECT_EQ(job.attempts, 2);
  EXPECT_EQ(job.answers, 1);
  EXPECT_EQ(job.last_answer, "a bad answer");
  EXPECT_EQ(job.last_finish_reason, "length");
  ASSERT_TRUE(job.proposed_flaws.has_value());
  EXPECT_EQ(*job.proposed_flaws, 3);
  store.finish_proposed(job.id);
  store.flush();
  EXPECT_EQ(all(store)[0].result.caption, "bad");
}

TEST(JobStore, NotesAreKept) {
  const StoreFolder folder;
  { JobStore(folder.database()).set_note("dataset", "musiccaps"); }
  JobStore store(folder.database());
  EXPECT_EQ(store.note("dataset"), "musiccaps");
  EXPECT_FALSE(store.note("model").has_value());
}

TEST(JobStore, TwoStoresNeverTakeTheSameJob) {
  const StoreFolder folder;
  JobStore(folder.database()).add(make_records(400), published_prompts());
  std::vector<std::vector<std::int64_t>> done(3);
  std::vector<std::thread> threads;
  for (auto& mine : done) {
    threads.emplace_back([&folder, &mine] {
      JobStore store(folder.database());
      for (auto jobs = store.take(7, 60); !jobs.empty(); jobs = store.take(7, 60)) {
        for (const Job& job : jobs) {
          mine.push_back(job.id);
          store.finish(job.id, result_of("x"));
        }
      }
      store.flush();
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  std::set<std::int64_t> ids;
  std::size_t total = 0;
  for (const auto& mine : done) {
    ids.insert(mine.begin(), mine.end());
    total += mine.size();
  }
  EXPECT_EQ(total, 1600U);
  EXPECT_EQ(ids.size(), 1600U);
  EXPECT_EQ(JobStore(folder.database()).counts().done, 1600);
}

TEST(JobStore, JobsOfAnExpiredLeaseAreTakenAgainAndTheLateResultIsIgnored) {
  const StoreFolder folder;
  JobStore slow(folder.database());
  slow.add(make_records(2), published_prompts().subspan(0, 1));
  const std::vector<Job> held = slow.take(2, -1);  // ran out a second ago
  ASSERT_EQ(held.size(), 2U);
  JobStore other(folder.database());
  const std::vector<Job> taken = other.take(1, 60);
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].id, held[0].id);
  // held[0] is another's now; held[1] waits, and its late result is welcome.
  slow.finish(held[0].id, result_of("late"));
  slow.finish(held[1].id, result_of("late but first"));
  slow.flush();
  other.finish(taken[0].id, result_of("right"));
  other.flush();
  const auto items = all(other);
  EXPECT_EQ(items[0].result.caption, "right");
  EXPECT_EQ(items[1].result.caption, "late but first");
  EXPECT_FALSE(other.others_hold_jobs());
}

TEST(JobStore, ARenewedLeaseIsRespected) {
  const StoreFolder folder;
  JobStore first(folder.database());
  first.add(make_records(1), published_prompts().subspan(0, 1));
  EXPECT_EQ(first.take(1, -1).size(), 1U);
  first.renew(60);
  JobStore other(folder.database());
  EXPECT_TRUE(other.take(1, 60).empty());
  EXPECT_TRUE(other.others_hold_jobs());
}

TEST(JobStore, JobsOfAKilledProcessComeBackAtOnce) {
  const StoreFolder folder;
  JobStore(folder.database()).add(make_records(20), published_prompts().subspan(0, 1));
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    JobStore store(folder.database());
    const auto jobs = store.take(10, 3600);
    store.finish(jobs[0].id, result_of("before the kill"));
    store.flush();
    store.finish(jobs[1].id, result_of("lost"));
    (void)!::write(ready[1], "x", 1);
    ::pause();
    ::_exit(0);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  {
    JobStore store(folder.database());
    EXPECT_TRUE(store.others_hold_jobs());
    EXPECT_EQ(store.counts().taken, 9);
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(ready[0]);
  ::close(ready[1]);
  JobStore store(folder.database());
  const auto jobs = store.take(100, 60);
  EXPECT_EQ(jobs.size(), 19U);
  EXPECT_EQ(jobs[0].record_id, "track-1");
  EXPECT_EQ(all(store)[0].result.caption, "before the kill");
}

// --- Batches ---

TEST(JobStoreBatch, HoldsItsJobsUntilItIsClosed) {
  const StoreFolder folder;
  JobStore store(folder.database());
  store.add(make_records(10), published_prompts().subspan(0, 1));
  int accepted = 0;
  const auto batch = store.take_batch("token", [&](const Job&) { return accepted++ < 6; });
  ASSERT_TRUE(batch.has_value());
  EXPECT_EQ(batch->jobs, 6);
  EXPECT_EQ(store.take(100, 60).size(), 4U);
  EXPECT_FALSE(store.take_batch("none", [](const Job&) { return true; }).has_value());
  ASSERT_EQ(store.batches().size(), 1U);
  const std::vector<std::int64_t> ids = store.batch_job_ids(batch->no);
  ASSERT_EQ(ids.size(), 6U);
  EXPECT_EQ(store.batch_jobs(batch->no, ids)[5].record_id, "track-5");
  EXPECT_TRUE(store.claim_batch(batch->no));
  JobStore other(folder.database());
  EXPECT_FALSE(other.claim_batch(batch->no));
  store.finish(ids[0], result_of("done"));
  store.flush();
  EXPECT_EQ(store.batch_jobs(batch->no, ids).size(), 5U);
  EXPECT_EQ(store.close_batch(batch->no, "collected"), 5);
  EXPECT_EQ(store.batches()[0].state, "collected");
  EXPECT_EQ(store.counts().waiting, 5);
  EXPECT_EQ(store.counts().done, 1);
}

}  // namespace
}  // namespace lpmc
