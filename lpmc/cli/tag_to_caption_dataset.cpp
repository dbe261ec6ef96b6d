#include <cmath>
#include <cstdio>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "lpmc/base/error.h"
#include "lpmc/base/log.h"
#include "lpmc/cli/commands.h"
#include "lpmc/cli/tag_to_caption_key.h"
#include "lpmc/cli/tag_to_caption_run.h"
#include "lpmc/tag_to_caption/run_estimate.h"

namespace lpmc::cli {
namespace {

std::string or_unknown(const std::optional<double>& value, const char* format, const char* unknown) {
  return value ? fmt::format(fmt::runtime(format), *value) : unknown;
}

nlohmann::json or_null(const std::optional<double>& value) {
  return value ? nlohmann::json(*value) : nlohmann::json(nullptr);
}

void print_estimate_json(const RunEstimate& e, const LlmChoice& choice) {
  const nlohmann::ordered_json json = {{"requests", e.requests},
                                       {"prompt_tokens", e.prompt_tokens},
                                       {"completion_tokens", e.completion_tokens},
                                       {"model", choice.model},
                                       {"cost_usd", or_null(e.cost_usd)},
                                       {"batch_cost_usd", or_null(e.batch_cost_usd)},
                                       {"hours", or_null(e.hours)}};
  fmt::print("{}\n", json.dump());
}

void print_estimate_text(const RunEstimate& e, const LlmChoice& choice) {
  fmt::print("language model  {}\n", choice.words);
  fmt::print("requests        {}\n", e.requests);
  fmt::print("tokens          about {} sent, {} received\n", e.prompt_tokens, e.completion_tokens);
  fmt::print("price           {}\n",
             or_unknown(e.cost_usd, "about ${:.2f}", "not known for this model; --prices FILE tells it"));
  if (choice.kind == LlmKind::server && e.batch_cost_usd)
    fmt::print("as a batch      about ${:.2f} (tag-to-caption batch submit)\n", *e.batch_cost_usd);
  fmt::print("hours           {}\n",
             or_unknown(e.hours, "{:.2f} at these limits", "not known: no --rpm and no --tpm"));
}

/// A note on what a run left behind, and how it stands now.
void tell_counts(const JobStore& store) {
  const StoreCounts counts = store.counts();
  log(LogLevel::info, "{} captions done, {} failed, {} dropped, {} to do; {} tokens, ${:.4f}", counts.done,
      counts.failed, counts.dropped, counts.waiting + counts.taken,
      counts.prompt_tokens + counts.completion_tokens, counts.cost_usd);
  for (const StoredBatch& batch : store.batches()) {
    if (batch.state != "collected" && batch.state != "given_up")
      log(LogLevel::info, "batch {} ({}) holds {} of them; `tag-to-caption batch collect` fetches it",
          batch.no, batch.state, batch.jobs);
  }
}

}  // namespace

int print_estimate(
    const TagToCaptionFlags& flags, const LlmChoice& choice,
    const std::function<void(const std::function<void(std::span<const std::string>)>&)>& each) {
  RunEstimator estimator(chosen_prompts(flags));
  each([&](std::span<const std::string> tags) { estimator.add(tags); });
  RunEstimate estimate = estimator.estimate(price_of(choice, flags), flags.limits);
  if (choice.is_baseline()) {
    // Nobody is asked.
    estimate.prompt_tokens = estimate.completion_tokens = 0;
    estimate.hours = 0;
  }
  if (flags.format == "text") {
    print_estimate_text(estimate, choice);
  } else {
    print_estimate_json(estimate, choice);
  }
  return kAllDone;
}

int caption_dataset(TagToCaptionFlags& flags) {
  const TwoInterrupts interrupts = watch_two_interrupts();
  const Secret key = take_api_key(flags.api_key_file);
  const LlmChoice choice = choose_llm(flags, key);
  if (flags.dry_run) {
    LPMC_REQUIRE(!flags.input.empty(), invalid_argument, "--dry-run: expected --input, found none");
    return print_estimate(flags, choice, [&](const auto& add) {
      read_input(flags, [&](TagRecord&& record) { add(record.tags); });
    });
  }
  LPMC_REQUIRE(
      !flags.db.empty(), invalid_argument,
      "--input: expected --db FILE too, found none: the database is what a run of many captions goes "
      "on from");
  const CaptionRules checked(flags, nullptr);  // flags that make no sense cost no start
  LPMC_REQUIRE(!flags.input.empty() || std::filesystem::exists(flags.db), not_found,
               "{}: no such database; --input FILE makes it", display_path(flags.db));
  JobStore store(flags.db);
  if (!flags.input.empty()) add_input(store, flags);
  if (flags.retry_failed) log(LogLevel::info, "{} failed captions are tried again", store.retry_failed());
  if (interrupts.first.stop_requested()) return end_of_run(RunEnd::interrupted);
  const StoreCounts before = store.counts();
  if (before.waiting + before.taken == 0) {
    tell_counts(store);
    return before.failed > 0 ? kSomeFailed : kAllDone;
  }
  const LanguageModel model(choice, flags, key, interrupts.first);
  const RunEnd end = run_store(store, model, flags, interrupts);
  const int code = end_of_run(end);
  tell_counts(store);
  if (end != RunEnd::all_done && end != RunEnd::some_failed)
    log(LogLevel::info, "what is finished is kept; the same command goes on");
  return code;
}

}  // namespace lpmc::cli
