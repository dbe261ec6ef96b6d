#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lpmc/dataset/tag_record.h"
#include "lpmc/tag_to_caption/chat_client.h"
#include "lpmc/tag_to_caption/prompts.h"

namespace lpmc {

/// A job: one prompt for one record.
struct Job {
  std::int64_t id = 0;
  std::string record_id, prompt_id;
  std::vector<std::string> tags;
  int attempts = 0;  ///< so far; 429 is the server's state, not the job's fault, and does not count
  int answers = 0;   ///< attempts that brought a text
  /// The last answer, of a job whose answer led to no end yet (it was to be repaired when the process was
  /// killed): judged again, it need not be paid again.
  std::string last_answer, last_finish_reason;
  std::optional<int> proposed_flaws;  ///< of the result that propose() keeps
};

enum class JobState { waiting, taken, done, failed, dropped };

/// One exchange with the model, or one line of a baseline: kept for ever. `sampling` does not hold what
/// differs from job to job (the seed): equal ones are stored once.
struct Attempt {
  std::string model, prompt_hash, sampling;  ///< sampling: JSON of temperature, top_p, max_tokens
  std::int64_t seed = 0;
  std::string raw_text, finish_reason, error;
  int status = 0;
  ChatUsage usage;
  double latency_s = 0, cost_usd = 0;
  std::int64_t time_unix_ms = 0;
  std::string tool_version;
};

/// What a job ended with.
struct JobResult {
  std::string caption;
  std::vector<std::string> new_attributes;
  std::string validation;  ///< JSON of the report (validation.h); "" = not validated
};

struct StoreCounts {
  std::int64_t waiting = 0, taken = 0, done = 0, failed = 0, dropped = 0, attempts = 0;
  std::int64_t prompt_tokens = 0, completion_tokens = 0;
  double cost_usd = 0;
};

/// A finished (or failed) job with its record, as it is exported.
struct StoredCaption {
  TagRecord record;
  std::string prompt_id;
  JobState state = JobState::waiting;
  JobResult result;  ///< of done jobs; of failed and dropped ones empty but for the validation
  Attempt last_attempt;
  std::string error;  ///< of failed and dropped jobs: why
};

/// What has been spent, over all runs on the database.
struct StoreSpending {
  std::int64_t attempts = 0, prompt_tokens = 0, completion_tokens = 0;
  double cost_usd = 0;
};

/// A batch handed to a server's batch API; its jobs are taken until the batch is collected or given up.
struct StoredBatch {
  std::int64_t no = 0;
  std::string token;  ///< ours, sent along: finds a batch again whose id was lost in a crash
  std::string state;  ///< "new", "uploaded", then the server's word; "collected", "given_up"
  std::int64_t jobs = 0;
  std::string file_id, remote_id;
};

/// The state of a tag-to-caption run: SQLite in WAL mode. Safe against kill -9 at any instant and a power
/// cut, and for several processes at once: a job taken by a process that is gone goes back to waiting (at
/// once where the process is seen to be gone, else when its lease has run out). An object is for one thread
/// at a time.
class JobStore {
 public:
  /// Opens or makes the database.
  /// @throws Error(unsupported) for another version's, Error(corrupt) for a damaged or foreign file (left
  /// untouched)
  explicit JobStore(const std::filesystem::path& path);
  /// Gives back what it holds; what is queued and not flushed is lost (as in a kill), with a line in the log.
  ~JobStore();
  JobStore(JobStore&&) noexcept;
  JobStore& operator=(JobStore&&) noexcept;

  /// Adds records and their jobs; those already there stay as they are (same record and prompt: one job).
  /// Records without tags are left out. Many calls are one transaction: other processes see the records after
  /// the next call of anything else that writes (take, flush), at the latest; a kill before that undoes them.
  /// @return jobs that are new
  /// @throws Error(invalid_argument) when the database knows a prompt's id with another text
  std::int64_t add(std::span<const TagRecord> records, std::span<const Prompt> prompts);

  /// Takes up to `count` waiting jobs, lowest id first, and holds all that it has for `lease_s` seconds from
  /// now. Flushes.
  std::vector<Job> take(std::size_t count, double lease_s);
  /// Prolongs the leases of the jobs this process holds.
  void renew(double lease_s);
  /// Gives jobs back untried (interrupted before they were sent). Flushes.
  void give_back(std::span<const std::int64_t> jobs);
  /// Whether there may still be something to take: a job waits, or another process holds one that may come
  /// back.
  bool others_hold_jobs();

  /// Queues what happened; written in one transaction by flush(). An attempt and the end it led to are one
  /// transaction. What happens to a job that another process has taken over (our lease ran out) is not
  /// written, but the attempt.
  void record_attempt(std::int64_t job, const Attempt& attempt);
  void finish(std::int64_t job, const JobResult& result);
  /// Keeps a result that a better one may replace, while the job goes on. @param flaws how bad it is
  void propose(std::int64_t job, const JobResult& result, int flaws);
  void finish_proposed(std::int64_t job);
  void fail(std::int64_t job, std::string_view error, JobState state);  ///< failed or dropped
  void retry_later(std::int64_t job);                                   ///< back to waiting
  /// @throws Error(io) when the disk is full: nothing of the queue is lost, flush may be called again
  void flush();
  std::size_t queued() const;

  /// Failed jobs wait again, with their attempts counted from 0. @return how many
  std::int64_t retry_failed();

  StoreCounts counts() const;      ///< reads every job: 2 million take some tenths of a second
  StoreSpending spending() const;  ///< one row
  /// The job of a record and a prompt.
  std::optional<std::int64_t> find_job(std::string_view record_id, std::string_view prompt_id) const;
  /// The prompts that jobs were made for, in the order they were added.
  std::vector<Prompt> prompts() const;
  /// Every job in order of record insertion, then prompt order; one at a time, as of one instant.
  void for_each(const std::function<void(const StoredCaption&)>& visit) const;

  /// Key-value notes about the run: name of the data set, model.
  void set_note(std::string_view key, std::string_view value);
  std::optional<std::string> note(std::string_view key) const;

  /// Takes waiting jobs for a new batch, lowest id first, until `accept` says that one is too many (it waits
  /// on). Nothing when no job was taken. One transaction. @param token see StoredBatch
  std::optional<StoredBatch> take_batch(const std::string& token,
                                        const std::function<bool(const Job&)>& accept);
  void update_batch(const StoredBatch& batch);
  std::vector<StoredBatch> batches() const;
  /// Lets one process at a time submit or collect a batch. false: another one does. Ends with
  /// release_batch().
  bool claim_batch(std::int64_t batch);
  void release_batch(std::int64_t batch);
  /// Of `ids`, the jobs that the batch still holds, in their order.
  std::vector<Job> batch_jobs(std::int64_t batch, std::span<const std::int64_t> ids) const;
  /// All ids that the batch still holds, ascending.
  std::vector<std::int64_t> batch_job_ids(std::int64_t batch) const;
  /// The batch's jobs that have no end yet wait again; its state becomes `state`. @return how many
  std::int64_t close_batch(std::int64_t batch, std::string_view state);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lpmc
