#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_set>
#include <vector>

#include "lpmc/tag_to_caption/job_database.h"
#include "lpmc/tag_to_caption/job_store.h"

namespace lpmc {

std::int64_t unix_time_ms();

/// The parts of JobStore, private to job_store*.cpp.
struct JobStore::Impl {
  /// One thing that happened to a job, not written yet.
  struct Event {
    enum class Kind { attempt, finish, propose, finish_proposed, fail, retry_later } kind;
    std::int64_t job = 0;
    Attempt attempt = {};
    JobResult result = {};
    std::string error = {};
    JobState state = JobState::failed;
    int flaws = 0;
  };

  explicit Impl(const std::filesystem::path& path);

  /// Adds one record; see JobStore::add. @param wanted bit p: prompt number p
  std::int64_t add_record(const TagRecord& record, std::int64_t wanted);
  /// The prompt's number, added where it is new.
  int prompt_number(const Prompt& prompt);

  /// Commits what add() has added since the last time.
  void end_adding();

  using HeldJobs = std::unordered_set<std::int64_t>;
  /// One transaction: the queue, then `more` (may be empty), which changes the set of jobs held as it will be
  /// after the commit. Nothing of the queue is lost when it throws.
  void write(const std::function<void(HeldJobs& held_then)>& more);
  void write_queue();
  void write_attempt(const Event& event);
  void write_end(const Event& event);
  std::int64_t settings_number(const Attempt& attempt);
  /// Moves a job that is ours, free or a batch's to `state`. @return false when another process has it
  bool move_job(std::int64_t job, JobState state);

  /// Jobs of gone processes wait again. Inside the caller's transaction.
  void recover_jobs();
  void write_owner(double lease_s);
  /// The job with its record, from the row of `id`.
  Job read_job(std::int64_t id);
  void read_prompt_ids();
  std::vector<std::int64_t> waiting_ids(std::size_t count);

  Database database;
  std::unique_ptr<Transaction> adding;  ///< open between calls of add()
  std::size_t adding_records = 0;
  std::int64_t adding_since_ms = 0;
  std::string identity;
  std::int64_t owner = 0;  ///< our row in `owners`; 0 before the first take()
  std::int64_t lease_unix_ms = 0;
  HeldJobs held;
  std::vector<Event> queue;
  /// Settings of this run; a handful.
  std::map<std::tuple<std::string, std::string, std::string, std::string>, std::int64_t> settings;
  StoreSpending queued_spending;  ///< of the transaction being written
  TagRecord last_record;          ///< read_job's: a record's jobs follow each other
  std::int64_t last_record_no = -1;

  // Prepared once; used all the time.
  Statement insert_record, find_record, set_record_prompts, insert_job;
  Statement select_waiting, select_job, select_record, take_job, move, free_job;
  Statement insert_attempt, count_attempt, insert_result, set_held, add_totals;
  std::map<int, std::string> prompt_ids;
};

}  // namespace lpmc
