#include "lpmc/tag_to_caption/job_store.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <nlohmann/json.hpp>

#include "lpmc/base/error.h"
#include "lpmc/base/log.h"
#include "lpmc/tag_to_caption/job_store_impl.h"
#include "lpmc/tag_to_caption/process_identity.h"

namespace lpmc {
namespace {

/// Settings remembered in memory; a caller that makes up new ones for every attempt must not fill it.
constexpr std::size_t kMaxSettingsInMemory = 1000;
/// Records added in one transaction. The index over ids in random order is touched everywhere: every commit
/// writes most of it again.
constexpr std::size_t kRecordsOfTransaction = 250'000;
/// But no other process can write meanwhile.
constexpr std::int64_t kLongestTransactionMs = 5000;

std::string to_text(const nlohmann::json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// What of a record is rarely there: one JSON column. "" when nothing is.
std::string extra_text(const TagRecord& record) {
  nlohmann::json extra = nlohmann::json::object();
  if (!record.audio.empty()) extra["audio"] = record.audio;
  if (!record.caption.empty()) extra["caption"] = record.caption;
  if (!record.captions.empty()) extra["captions"] = record.captions;
  return extra.empty() ? std::string() : to_text(extra);
}

}  // namespace

std::int64_t unix_time_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

JobStore::Impl::Impl(const std::filesystem::path& path)
    : database(open_job_database(path)), identity(own_process_identity()) {
  insert_record = database.prepare(
      "INSERT INTO records(id, split, tags, extra, prompts) VALUES(?, ?, ?, ?, ?) ON CONFLICT(id) DO "
      "NOTHING");
  find_record = database.prepare("SELECT no, prompts FROM records WHERE id = ?");
  set_record_prompts = database.prepare("UPDATE records SET prompts = ?2 WHERE no = ?1");
  insert_job = database.prepare("INSERT INTO jobs(id) VALUES(?)");
  select_waiting = database.prepare("SELECT id FROM jobs WHERE state = 0 ORDER BY id LIMIT ?");
  select_job = database.prepare(
      "SELECT j.attempts, j.answers, r.flaws, a.text, a.finish_reason FROM jobs j"
      " LEFT JOIN results r ON r.job = j.id LEFT JOIN attempts a ON a.no = j.last_answer AND j.answers > 0"
      " WHERE j.id = ?");
  select_record = database.prepare("SELECT id, tags FROM records WHERE no = ?");
  take_job = database.prepare("UPDATE jobs SET state = 1, owner = ?2 WHERE id = ?1 AND state = 0");
  // A job of ours; one that came back to waiting because our lease ran out, and nobody took it; a batch's.
  move = database.prepare(
      "UPDATE jobs SET state = ?2, owner = NULL WHERE id = ?1 AND (owner = ?3 OR owner < 0 OR state = 0)");
  free_job = database.prepare("UPDATE jobs SET state = 0, owner = NULL WHERE id = ?1 AND owner = ?2");
  insert_attempt = database.prepare(
      "INSERT INTO attempts(job, settings, seed, text, finish_reason, error, status, prompt_tokens,"
      " completion_tokens, usage_reported, latency_s, cost_usd, time_unix_ms)"
      " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  count_attempt = database.prepare(
      "UPDATE jobs SET attempts = attempts + ?3, answers = answers + ?4, last_attempt = ?2,"
      " last_answer = CASE WHEN ?4 THEN ?2 ELSE last_answer END WHERE id = ?1");
  insert_result = database.prepare(
      "INSERT OR REPLACE INTO results(job, caption, attributes, validation, flaws, error)"
      " VALUES(?, ?, ?, ?, ?, ?)");
  set_held = database.prepare("UPDATE owners SET held = ?2 WHERE no = ?1");
  add_totals = database.prepare(
      "UPDATE totals SET attempts = attempts + ?, prompt_tokens = prompt_tokens + ?,"
      " completion_tokens = completion_tokens + ?, cost_usd = cost_usd + ? WHERE no = 1");
}

JobStore::JobStore(const std::filesystem::path& path) : impl_(std::make_unique<Impl>(path)) {}
JobStore::JobStore(JobStore&&) noexcept = default;
JobStore& JobStore::operator=(JobStore&&) noexcept = default;

JobStore::~JobStore() {
  if (impl_ == nullptr) return;
  try {
    impl_->end_adding();
  } catch (const Error& error) {
    log(LogLevel::warning, "{}: the last records were not added", error.what());
  }
  if (impl_->owner == 0) return;
  if (!impl_->queue.empty()) {
    log(LogLevel::warning, "{} results were not written: their jobs will be done again", impl_->queue.size());
  }
  try {
    Transaction transaction(impl_->database);
    for (const std::int64_t job : impl_->held)
      impl_->free_job.bind(1, job).bind(2, impl_->owner).run();
    impl_->database.execute("DELETE FROM owners WHERE no = " + std::to_string(impl_->owner));
    transaction.commit();
  } catch (const Error& error) {
    // The lease runs out by itself.
    log(LogLevel::warning, "{}", error.what());
  }
}

int JobStore::Impl::prompt_number(const Prompt& prompt) {
  Statement find = database.prepare("SELECT no, hash FROM prompts WHERE id = ?");
  const std::string hash = prompt.hash();
  if (find.bind(1, prompt.id).step()) {
    LPMC_REQUIRE(
        find.text(1) == hash, invalid_argument,
        "prompt '{}': expected the text that this database's jobs were made with ({:.12}), found another "
        "({:.12}): give it another name or use a new database",
        prompt.id, find.text(1), hash);
    return static_cast<int>(find.integer(0));
  }
  const auto number = static_cast<int>(database.integer("SELECT count(*) FROM prompts"));
  LPMC_REQUIRE(number < kPromptSlots - 1, invalid_argument, "prompts: expected at most {} in one database",
               kPromptSlots - 1);
  database.prepare("INSERT INTO prompts VALUES(?, ?, ?, ?, ?, ?)")
      .bind(1, std::int64_t{number})
      .bind(2, prompt.id)
      .bind(3, hash)
      .bind(4, prompt.singular)
      .bind(5, prompt.plural)
      .bind(6, std::int64_t{prompt.expects_dictionary})
      .run();
  return number;
}

std::int64_t JobStore::Impl::add_record(const TagRecord& record, std::int64_t wanted) {
  insert_record.bind(1, record.id).bind_text_or_null(2, record.split).bind(3, to_text(record.tags));
  insert_record.bind_text_or_null(4, extra_text(record)).bind(5, wanted).run();
  std::int64_t number = database.last_insert_rowid();
  std::int64_t missing = wanted;
  if (database.changes() == 0) {
    find_record.bind(1, record.id).step();
    number = find_record.integer(0);
    const std::int64_t there = find_record.integer(1);
    find_record.reset();
    missing &= ~there;
    if (missing == 0) return 0;
    set_record_prompts.bind(1, number).bind(2, there | wanted).run();
  }
  std::int64_t added = 0;
  for (int prompt = 0; prompt < kPromptSlots - 1; ++prompt) {
    if ((missing >> prompt & 1) == 0) continue;
    insert_job.bind(1, number * kPromptSlots + prompt).run();
    ++added;
  }
  return added;
}

void JobStore::Impl::end_adding() {
  if (!adding) return;
  adding_records = 0;
  // Gone also when the commit fails: the records of a transaction that was rolled back are added again next
  // time.
  const std::unique_ptr<Transaction> transaction = std::move(adding);
  transaction->commit();
}

std::int64_t JobStore::add(std::span<const TagRecord> records, std::span<const Prompt> prompts) {
  Impl& impl = *impl_;
  if (!impl.adding) {
    impl.adding = std::make_unique<Transaction>(impl.database);
    impl.adding_since_ms = unix_time_ms();
  }
  try {
    std::int64_t wanted = 0;
    for (const Prompt& prompt : prompts)
      wanted |= std::int64_t{1} << impl.prompt_number(prompt);
    std::int64_t added = 0;
    for (const TagRecord& record : records) {
      if (!record.tags.empty()) added += impl.add_record(record, wanted);
    }
    impl.adding_records += records.size();
    if (impl.adding_records >= kRecordsOfTransaction ||
        unix_time_ms() - impl.adding_since_ms >= kLongestTransactionMs) {
      impl.end_adding();
    }
    return added;
  } catch (...) {
    impl.adding.reset();  // rolls back
    impl.adding_records = 0;
    throw;
  }
}

// --- Taking and giving back ---

void JobStore::Impl::write_owner(double lease_s) {
  lease_unix_ms = unix_time_ms() + static_cast<std::int64_t>(lease_s * 1000);
  if (owner == 0) {
    database.prepare("INSERT INTO owners(identity, lease_unix_ms, held) VALUES(?, ?, 0)")
        .bind(1, identity)
        .bind(2, lease_unix_ms)
        .run();
    owner = database.last_insert_rowid();
    return;
  }
  // Another process may have taken our row away when the lease had run out.
  database.prepare("INSERT OR REPLACE INTO owners(no, identity, lease_unix_ms, held) VALUES(?, ?, ?, ?)")
      .bind(1, owner)
      .bind(2, identity)
      .bind(3, lease_unix_ms)
      .bind(4, static_cast<std::int64_t>(held.size()))
      .run();
}

void JobStore::Impl::recover_jobs() {
  std::vector<std::int64_t> gone;
  Statement owners = database.prepare("SELECT no, identity, lease_unix_ms FROM owners WHERE no <> ?");
  owners.bind(1, owner);
  const std::int64_t now = unix_time_ms();
  while (owners.step()) {
    if (owners.integer(2) < now || process_is_gone(std::string(owners.text(1)))) {
      gone.push_back(owners.integer(0));
    }
  }
  for (const std::int64_t number : gone) {
    database.prepare("UPDATE jobs SET state = 0, owner = NULL WHERE state = 1 AND owner = ?")
        .bind(1, number)
        .run();
    const std::int64_t freed = database.changes();
    database.prepare("UPDATE batches SET collector = NULL WHERE collector = ?").bind(1, number).run();
    database.prepare("DELETE FROM owners WHERE no = ?").bind(1, number).run();
    if (freed > 0) log(LogLevel::info, "{} jobs of a process that is gone wait again", freed);
  }
}

std::vector<std::int64_t> JobStore::Impl::waiting_ids(std::size_t count) {
  std::vector<std::int64_t> ids;
  select_waiting.bind(1, static_cast<std::int64_t>(count));
  while (select_waiting.step())
    ids.push_back(select_waiting.integer(0));
  return ids;
}

void JobStore::Impl::read_prompt_ids() {
  prompt_ids.clear();
  Statement prompts = database.prepare("SELECT no, id FROM prompts");
  while (prompts.step())
    prompt_ids.emplace(static_cast<int>(prompts.integer(0)), prompts.text(1));
}

Job JobStore::Impl::read_job(std::int64_t id) {
  Job job;
  job.id = id;
  const std::int64_t record = id / kPromptSlots;
  if (record != last_record_no) {
    last_record_no = -1;
    LPMC_REQUIRE(select_record.bind(1, record).step(), corrupt, "job {}: its record {} is missing", id,
                 record);
    last_record.id = select_record.text(0);
    const auto tags = nlohmann::json::parse(select_record.text(1), nullptr, false);
    select_record.reset();
    last_record.tags.clear();
    LPMC_REQUIRE(tags.is_array(), corrupt, "record '{}': expected a JSON list of tags", last_record.id);
    for (const auto& tag : tags) {
      LPMC_REQUIRE(tag.is_string(), corrupt, "record '{}': expected tags that are strings", last_record.id);
      last_record.tags.push_back(tag.get<std::string>());
    }
    last_record_no = record;
  }
  job.record_id = last_record.id;
  job.tags = last_record.tags;
  const auto prompt = prompt_ids.find(static_cast<int>(id % kPromptSlots));
  LPMC_REQUIRE(prompt != prompt_ids.end(), corrupt, "job {}: its prompt is missing", id);
  job.prompt_id = prompt->second;
  LPMC_REQUIRE(select_job.bind(1, id).step(), corrupt, "job {} is missing", id);
  job.attempts = static_cast<int>(select_job.integer(0));
  job.answers = static_cast<int>(select_job.integer(1));
  if (!select_job.is_null(2)) job.proposed_flaws = static_cast<int>(select_job.integer(2));
  job.last_answer = select_job.text(3);
  job.last_finish_reason = select_job.text(4);
  select_job.reset();
  return job;
}

std::vector<Job> JobStore::take(std::size_t count, double lease_s) {
  Impl& impl = *impl_;
  std::vector<Job> jobs;
  impl.write([&](Impl::HeldJobs& held) {
    impl.recover_jobs();
    impl.write_owner(lease_s);
    impl.read_prompt_ids();
    for (const std::int64_t id : impl.waiting_ids(count)) {
      jobs.push_back(impl.read_job(id));
      impl.take_job.bind(1, id).bind(2, impl.owner).run();
      held.insert(id);
    }
  });
  return jobs;
}

void JobStore::renew(double lease_s) {
  impl_->end_adding();
  Transaction transaction(impl_->database);
  impl_->write_owner(lease_s);
  transaction.commit();
}

void JobStore::give_back(std::span<const std::int64_t> jobs) {
  impl_->write([&](Impl::HeldJobs& held) {
    for (const std::int64_t job : jobs) {
      impl_->free_job.bind(1, job).bind(2, impl_->owner).run();
      held.erase(job);
    }
  });
}

bool JobStore::others_hold_jobs() {
  impl_->end_adding();
  Transaction transaction(impl_->database);
  impl_->recover_jobs();
  Statement others = impl_->database.prepare("SELECT count(*) FROM owners WHERE no <> ? AND held > 0");
  others.bind(1, impl_->owner).step();
  const bool some = others.integer(0) > 0;
  others.reset();
  transaction.commit();
  return some || impl_->waiting_ids(1).size() == 1;
}

// --- What happened ---

void JobStore::record_attempt(std::int64_t job, const Attempt& attempt) {
  impl_->queue.push_back({.kind = Impl::Event::Kind::attempt, .job = job, .attempt = attempt});
}

void JobStore::finish(std::int64_t job, const JobResult& result) {
  impl_->queue.push_back(
      {.kind = Impl::Event::Kind::finish, .job = job, .result = result, .state = JobState::done});
}

void JobStore::propose(std::int64_t job, const JobResult& result, int flaws) {
  impl_->queue.push_back({.kind = Impl::Event::Kind::propose, .job = job, .result = result, .flaws = flaws});
}

void JobStore::finish_proposed(std::int64_t job) {
  impl_->queue.push_back({.kind = Impl::Event::Kind::finish_proposed, .job = job, .state = JobState::done});
}

void JobStore::fail(std::int64_t job, std::string_view error, JobState state) {
  LPMC_REQUIRE(state == JobState::failed || state == JobState::dropped, invalid_argument,
               "job {}: expected an end of failed or dropped", job);
  impl_->queue.push_back(
      {.kind = Impl::Event::Kind::fail, .job = job, .error = std::string(error), .state = state});
}

void JobStore::retry_later(std::int64_t job) {
  impl_->queue.push_back({.kind = Impl::Event::Kind::retry_later, .job = job, .state = JobState::waiting});
}

std::size_t JobStore::queued() const {
  return impl_->queue.size();
}

std::int64_t JobStore::Impl::settings_number(const Attempt& attempt) {
  auto key = std::make_tuple(attempt.model, attempt.prompt_hash, attempt.sampling, attempt.tool_version);
  const auto known = settings.find(key);
  if (known != settings.end()) return known->second;
  const auto bind = [&](Statement& statement) -> Statement& {
    return statement.bind(1, attempt.model)
        .bind(2, attempt.prompt_hash)
        .bind(3, attempt.sampling)
        .bind(4, attempt.tool_version);
  };
  Statement insert = database.prepare(
      "INSERT INTO settings(model, prompt_hash, sampling, tool_version) VALUES(?, ?, ?, ?)"
      " ON CONFLICT DO NOTHING");
  bind(insert).run();
  Statement find = database.prepare(
      "SELECT no FROM settings WHERE model = ? AND prompt_hash = ? AND sampling = ? AND tool_version = ?");
  bind(find).step();
  const std::int64_t number = find.integer(0);
  if (settings.size() >= kMaxSettingsInMemory) settings.clear();
  settings.emplace(std::move(key), number);
  return number;
}

void JobStore::Impl::write_attempt(const Event& event) {
  const Attempt& attempt = event.attempt;
  insert_attempt.bind(1, event.job).bind(2, settings_number(attempt)).bind(3, attempt.seed);
  insert_attempt.bind_text_or_null(4, attempt.raw_text).bind_text_or_null(5, attempt.finish_reason);
  insert_attempt.bind_text_or_null(6, attempt.error).bind(7, std::int64_t{attempt.status});
  insert_attempt.bind(8, attempt.usage.prompt_tokens).bind(9, attempt.usage.completion_tokens);
  insert_attempt.bind(10, std::int64_t{attempt.usage.reported}).bind(11, attempt.latency_s);
  insert_attempt.bind(12, attempt.cost_usd).bind(13, attempt.time_unix_ms).run();
  const std::int64_t number = database.last_insert_rowid();
  constexpr int kTooManyRequests = 429;
  count_attempt.bind(1, event.job).bind(2, number);
  count_attempt.bind(3, std::int64_t{attempt.status != kTooManyRequests});
  count_attempt.bind(4, std::int64_t{attempt.error.empty()}).run();
  queued_spending.attempts += 1;
  queued_spending.prompt_tokens += attempt.usage.prompt_tokens;
  queued_spending.completion_tokens += attempt.usage.completion_tokens;
  queued_spending.cost_usd += attempt.cost_usd;
}

bool JobStore::Impl::move_job(std::int64_t job, JobState state) {
  move.bind(1, job).bind(2, static_cast<std::int64_t>(state)).bind(3, owner).run();
  return database.changes() == 1;
}

void JobStore::Impl::write_end(const Event& event) {
  using Kind = Event::Kind;
  if (event.kind == Kind::propose) {
    Statement ours = database.prepare("SELECT 1 FROM jobs WHERE id = ? AND (owner = ? OR owner < 0)");
    if (!ours.bind(1, event.job).bind(2, owner).step()) return;
  } else if (!move_job(event.job, event.state)) {
    return;
  }
  if (event.kind == Kind::retry_later || event.kind == Kind::finish_proposed) return;
  insert_result.bind(1, event.job).bind_text_or_null(2, event.result.caption);
  const std::vector<std::string>& attributes = event.result.new_attributes;
  insert_result.bind_text_or_null(3, attributes.empty() ? std::string() : to_text(attributes));
  insert_result.bind_text_or_null(4, event.result.validation);
  if (event.kind == Kind::propose) {
    insert_result.bind(5, std::int64_t{event.flaws});
  } else {
    insert_result.bind_null(5);
  }
  insert_result.bind_text_or_null(6, event.error).run();
}

void JobStore::Impl::write_queue() {
  queued_spending = {};
  for (const Event& event : queue) {
    if (event.kind == Event::Kind::attempt) {
      write_attempt(event);
    } else {
      write_end(event);
    }
  }
  if (queued_spending.attempts == 0) return;
  add_totals.bind(1, queued_spending.attempts).bind(2, queued_spending.prompt_tokens);
  add_totals.bind(3, queued_spending.completion_tokens).bind(4, queued_spending.cost_usd).run();
}

void JobStore::Impl::write(const std::function<void(HeldJobs& held_then)>& more) {
  end_adding();
  HeldJobs held_then = held;
  for (const Event& event : queue) {
    if (event.kind != Event::Kind::attempt && event.kind != Event::Kind::propose) held_then.erase(event.job);
  }
  try {
    Transaction transaction(database);
    write_queue();
    if (more) more(held_then);
    if (owner != 0) {
      set_held.bind(1, owner).bind(2, static_cast<std::int64_t>(held_then.size())).run();
    }
    transaction.commit();
  } catch (...) {
    settings.clear();  // some of their rows may have gone with the transaction
    throw;
  }
  held = std::move(held_then);
  queue.clear();
}

void JobStore::flush() {
  impl_->end_adding();
  if (!impl_->queue.empty()) impl_->write({});
}

std::int64_t JobStore::retry_failed() {
  std::int64_t changed = 0;
  impl_->write([&](Impl::HeldJobs&) {
    impl_->database.execute("DELETE FROM results WHERE job IN (SELECT id FROM jobs WHERE state = 3)");
    impl_->database.execute(
        "UPDATE jobs SET state = 0, owner = NULL, attempts = 0, answers = 0 WHERE state = 3");
    changed = impl_->database.changes();
  });
  return changed;
}

}  // namespace lpmc
