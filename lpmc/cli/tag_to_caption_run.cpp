#include "lpmc/cli/tag_to_caption_run.h"

#include <algorithm>
#include <set>
#include <stop_token>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "lpmc/base/error.h"
#include "lpmc/base/log.h"
#include "lpmc/base/utf8.h"
#include "lpmc/cli/commands.h"
#include "lpmc/cli/word_knowledge.h"
#include "lpmc/dataset/text_source.h"

namespace lpmc::cli {
namespace {

constexpr std::size_t kRecordsAtOnce = 20'000;

ProgressLine progress_line(const RunProgress& p) {
  std::string text = fmt::format("{}/{} done, {} failed, {:.1f}/s, {} tokens", p.done, p.total, p.failed,
                                 p.jobs_per_s, p.tokens);
  if (p.cost_usd > 0) text += fmt::format(", ${:.2f}", p.cost_usd);
  if (p.eta_s > 0) text += fmt::format(", {} left", format_time(p.eta_s));
  if (!p.note.empty()) text += fmt::format(" [{}]", p.note);
  const nlohmann::json json = {{"done", p.done},           {"failed", p.failed},         {"total", p.total},
                               {"in_flight", p.in_flight}, {"jobs_per_s", p.jobs_per_s}, {"tokens", p.tokens},
                               {"cost_usd", p.cost_usd},   {"eta_s", p.eta_s},           {"note", p.note}};
  return {text, json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)};
}

/// One term a line.
std::vector<std::string> read_terms(const std::string& path) {
  TextSource source{std::filesystem::path(path)};
  std::vector<std::string> terms;
  std::string line;
  for (int byte = source.get();; byte = source.get()) {
    if (byte == '\n' || byte == TextSource::kEnd) {
      if (line.ends_with('\r')) line.pop_back();
      if (!line.empty()) terms.push_back(replace_invalid_utf8(line));
      line.clear();
      if (byte == TextSource::kEnd) break;
    } else {
      line += static_cast<char>(byte);
    }
  }
  LPMC_REQUIRE(!terms.empty(), invalid_argument, "{}: expected musical terms, one a line, found none",
               display_path(path));
  return terms;
}

std::vector<std::string> tags_of(const JobStore& store) {
  std::set<std::string> tags;
  store.for_each(
      [&](const StoredCaption& item) { tags.insert(item.record.tags.begin(), item.record.tags.end()); });
  return {tags.begin(), tags.end()};
}

std::string left_out(const RecordCounts& counts) {
  std::vector<std::string> parts;
  const auto add = [&](std::uint64_t count, const char* why) {
    if (count > 0) parts.push_back(fmt::format("{} {}", count, why));
  };
  add(counts.without_tags, "without tags");
  add(counts.without_split, "in no split");
  add(counts.duplicate_ids, "with an id that came before");
  add(counts.long_tags, "tags of over 1,000 bytes");
  add(counts.missing_ids, "ids of the split file that are not there");
  return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace

CaptionRules::CaptionRules(const TagToCaptionFlags& flags, const JobStore* store) {
  rules_.policy = parse_flaw_policy(flags.policy);
  rules_.max_repairs = flags.max_repairs;
  rules_.validation = flags.validation.values();
  validate(rules_.validation);
  if (flags.vocabulary == "input" && store != nullptr) {
    vocabulary_.emplace(tags_of(*store));
  } else if (flags.vocabulary != "builtin" && flags.vocabulary != "input") {
    vocabulary_.emplace(read_terms(flags.vocabulary));
  }
  if (vocabulary_) rules_.vocabulary = &*vocabulary_;
  if (rules_.policy != FlawPolicy::keep) rules_.words = word_knowledge(flags.wordnet);
}

RunEnd run_store(JobStore& store, const LanguageModel& model, const TagToCaptionFlags& flags,
                 const TwoInterrupts& interrupts) {
  const CaptionRules rules(flags, &store);
  RunSetup setup;
  setup.store = &store;
  setup.limits = flags.limits;
  setup.policy = rules.rules().policy;
  setup.max_repairs = rules.rules().max_repairs;
  setup.validation = rules.rules().validation;
  setup.vocabulary = rules.rules().vocabulary;
  setup.words = rules.rules().words;
  setup.finish_in_flight = interrupts.first;
  std::stop_source now;
  const std::stop_callback pass_on(interrupts.second, [&now] { now.request_stop(); });
  setup.stop_now = now.get_token();
  setup.tool_version = tool_version();
  model.prepare(setup);
  Progress progress(flags.common.progress, flags.common.quiet);
  RunProgress last;
  bool died = false;
  setup.on_progress = [&](const RunProgress& state) {
    last = state;
    progress.update([&] { return progress_line(state); });
    // A local server that is gone does not come back: no reason to try again and again.
    died = died || model.has_died();
    if (died) now.request_stop();
  };
  const auto tell_trouble = [&] {
    progress.clear();
    if (const std::string trouble = model.trouble(); !trouble.empty()) log(LogLevel::error, "{}", trouble);
  };
  try {
    const RunEnd end = run_jobs(setup);
    progress.finish(progress_line(last));
    if (end != RunEnd::all_done) tell_trouble();
    return died && end == RunEnd::interrupted ? RunEnd::breaker_open : end;
  } catch (const Error&) {
    tell_trouble();
    throw;
  }
}

int end_of_run(RunEnd end) {
  switch (end) {
    case RunEnd::all_done:
      return kAllDone;
    case RunEnd::some_failed:
      return kSomeFailed;
    case RunEnd::cost_reached:
      log(LogLevel::error, "stopped: --max-cost is reached");
      return kSomeFailed;
    case RunEnd::tokens_reached:
      log(LogLevel::error, "stopped: --max-tokens-total is reached");
      return kSomeFailed;
    case RunEnd::interrupted:
      log(LogLevel::error, "interrupted");
      return kInterrupted;
    case RunEnd::breaker_open:
      log(LogLevel::error, "stopped: the server does not answer any more");
      return kMissing;
  }
  return kMissing;
}

RecordCounts read_input(const TagToCaptionFlags& flags, const std::function<void(TagRecord&&)>& take) {
  RecordSource source;
  source.input = flags.input;
  source.layout = parse_dataset_layout(flags.dataset);
  if (!flags.split_file.empty()) source.split_file = flags.split_file;
  source.splits = flags.splits;
  const RecordCounts counts = read_tag_records(source, take);
  if (const std::string skipped = left_out(counts); !skipped.empty())
    log(LogLevel::warning, "{}: left out: {}", display_path(flags.input), skipped);
  LPMC_REQUIRE(counts.kept > 0, invalid_argument,
               "{}: expected records with tags{}, found none ({} of other splits, {} without tags)",
               display_path(flags.input), flags.splits.empty() ? "" : " in these splits", counts.other_splits,
               counts.without_tags);
  return counts;
}

std::int64_t add_input(JobStore& store, const TagToCaptionFlags& flags) {
  const std::vector<Prompt> prompts = chosen_prompts(flags);
  std::vector<TagRecord> records;
  std::int64_t added = 0;
  const auto hand_over = [&] {
    added += store.add(records, prompts);
    records.clear();
  };
  const RecordCounts counts = read_input(flags, [&](TagRecord&& record) {
    records.push_back(std::move(record));
    if (records.size() == kRecordsAtOnce) hand_over();
  });
  hand_over();
  const std::string name =
      flags.dataset == "auto" ? std::filesystem::path(flags.input).stem().string() : flags.dataset;
  store.set_note("dataset", replace_invalid_utf8(name));
  log(LogLevel::info, "{}: {} records, {} new captions to write", display_path(flags.input), counts.kept,
      added);
  return added;
}

}  // namespace lpmc::cli
