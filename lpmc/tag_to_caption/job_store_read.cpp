#include <utility>

#include <nlohmann/json.hpp>

#include "lpmc/base/error.h"
#include "lpmc/tag_to_caption/job_store.h"
#include "lpmc/tag_to_caption/job_store_impl.h"

namespace lpmc {
namespace {

nlohmann::json parse_json(std::string_view text, std::string_view what, std::string_view id) {
  nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  LPMC_REQUIRE(!json.is_discarded(), corrupt, "record '{}': {}: expected JSON, found something else", id,
               what);
  return json;
}

/// Columns of for_each, in the order of its SELECT.
enum Column {
  kRecordId,
  kSplit,
  kTags,
  kExtra,
  kPrompt,
  kState,
  kCaption,
  kAttributes,
  kValidation,
  kError,
  kAttempt,  // from here on: NULL without an attempt
  kModel,
  kPromptHash,
  kSampling,
  kToolVersion,
  kSeed,
  kText,
  kFinishReason,
  kAttemptError,
  kStatus,
  kPromptTokens,
  kCompletionTokens,
  kUsageReported,
  kLatency,
  kCost,
  kTime,
};

constexpr const char* kSelectCaptions =
    "SELECT r.id, r.split, r.tags, r.extra, p.id, j.state, e.caption, e.attributes, e.validation, e.error,"
    " a.no, s.model, s.prompt_hash, s.sampling, s.tool_version, a.seed, a.text, a.finish_reason, a.error,"
    " a.status, a.prompt_tokens, a.completion_tokens, a.usage_reported, a.latency_s, a.cost_usd,"
    " a.time_unix_ms FROM jobs j CROSS JOIN records r ON r.no = j.id / 64 CROSS JOIN prompts p ON p.no = "
    "j.id % 64"
    " LEFT JOIN results e ON e.job = j.id LEFT JOIN attempts a ON a.no = j.last_attempt"
    " LEFT JOIN settings s ON s.no = a.settings ORDER BY j.id";
static_assert(kPromptSlots == 64, "the SELECT above says so");

TagRecord read_record(const Statement& row) {
  TagRecord record;
  record.id = row.text(kRecordId);
  record.split = row.text(kSplit);
  try {
    record.tags = parse_json(row.text(kTags), "tags", record.id).get<std::vector<std::string>>();
    if (row.is_null(kExtra)) return record;
    const nlohmann::json extra = parse_json(row.text(kExtra), "extra", record.id);
    record.audio = extra.value("audio", "");
    record.caption = extra.value("caption", "");
    record.captions = extra.value("captions", record.captions);
  } catch (const nlohmann::json::exception& error) {
    fail(ErrorKind::corrupt, "record '{}': {}", record.id, error.what());
  }
  return record;
}

Attempt read_attempt(const Statement& row) {
  Attempt attempt;
  attempt.model = row.text(kModel);
  attempt.prompt_hash = row.text(kPromptHash);
  attempt.sampling = row.text(kSampling);
  attempt.tool_version = row.text(kToolVersion);
  attempt.seed = row.integer(kSeed);
  attempt.raw_text = row.text(kText);
  attempt.finish_reason = row.text(kFinishReason);
  attempt.error = row.text(kAttemptError);
  attempt.status = static_cast<int>(row.integer(kStatus));
  attempt.usage = {row.integer(kPromptTokens), row.integer(kCompletionTokens),
                   row.integer(kUsageReported) != 0};
  attempt.latency_s = row.real(kLatency);
  attempt.cost_usd = row.real(kCost);
  attempt.time_unix_ms = row.integer(kTime);
  return attempt;
}

StoredCaption read_caption(const Statement& row) {
  StoredCaption item;
  item.record = read_record(row);
  item.prompt_id = row.text(kPrompt);
  const std::int64_t state = row.integer(kState);
  LPMC_REQUIRE(state >= 0 && state <= static_cast<std::int64_t>(JobState::dropped), corrupt,
               "record '{}': expected a job state of 0 to 4, found {}", item.record.id, state);
  item.state = static_cast<JobState>(state);
  if (!row.is_null(kAttempt)) item.last_attempt = read_attempt(row);
  // A result of a job that is not at its end is only proposed.
  if (item.state == JobState::waiting || item.state == JobState::taken) return item;
  item.error = row.text(kError);
  item.result.caption = row.text(kCaption);
  item.result.validation = row.text(kValidation);
  if (!row.is_null(kAttributes)) {
    const auto attributes = parse_json(row.text(kAttributes), "new attributes", item.record.id);
    for (const auto& attribute : attributes) {
      if (attribute.is_string()) item.result.new_attributes.push_back(attribute.get<std::string>());
    }
  }
  return item;
}

}  // namespace

StoreCounts JobStore::counts() const {
  StoreCounts counts;
  // One pass without sorting.
  Statement states = impl_->database.prepare(
      "SELECT total(state = 0), total(state = 1), total(state = 2), total(state = 3), total(state = 4) FROM "
      "jobs");
  states.step();
  counts.waiting = states.integer(0);
  counts.taken = states.integer(1);
  counts.done = states.integer(2);
  counts.failed = states.integer(3);
  counts.dropped = states.integer(4);
  const StoreSpending spent = spending();
  counts.attempts = spent.attempts;
  counts.prompt_tokens = spent.prompt_tokens;
  counts.completion_tokens = spent.completion_tokens;
  counts.cost_usd = spent.cost_usd;
  return counts;
}

StoreSpending JobStore::spending() const {
  Statement totals = impl_->database.prepare(
      "SELECT attempts, prompt_tokens, completion_tokens, cost_usd FROM totals WHERE no = 1");
  if (!totals.step()) return {};
  return {totals.integer(0), totals.integer(1), totals.integer(2), totals.real(3)};
}

std::optional<std::int64_t> JobStore::find_job(std::string_view record_id, std::string_view prompt_id) const {
  Statement find = impl_->database.prepare(
      "SELECT j.id FROM records r, prompts p, jobs j WHERE r.id = ? AND p.id = ? AND j.id = r.no * ? + p.no");
  find.bind(1, record_id).bind(2, prompt_id).bind(3, std::int64_t{kPromptSlots});
  if (!find.step()) return std::nullopt;
  return find.integer(0);
}

std::vector<Prompt> JobStore::prompts() const {
  std::vector<Prompt> prompts;
  Statement rows =
      impl_->database.prepare("SELECT id, singular, plural, dictionary FROM prompts ORDER BY no");
  while (rows.step()) {
    Prompt prompt;
    prompt.id = rows.text(0);
    prompt.singular = rows.text(1);
    prompt.plural = rows.text(2);
    prompt.expects_dictionary = rows.integer(3) != 0;
    prompts.push_back(std::move(prompt));
  }
  return prompts;
}

void JobStore::for_each(const std::function<void(const StoredCaption&)>& visit) const {
  // A statement is one snapshot: what other processes write meanwhile is not seen.
  Statement rows = impl_->database.prepare(kSelectCaptions);
  while (rows.step())
    visit(read_caption(rows));
}

void JobStore::set_note(std::string_view key, std::string_view value) {
  impl_->end_adding();
  Statement insert = impl_->database.prepare("INSERT OR REPLACE INTO notes(key, value) VALUES(?, ?)");
  insert.bind(1, key).bind(2, value).run();
}

std::optional<std::string> JobStore::note(std::string_view key) const {
  Statement find = impl_->database.prepare("SELECT value FROM notes WHERE key = ?");
  if (!find.bind(1, key).step()) return std::nullopt;
  return std::string(find.text(0));
}

}  // namespace lpmc
