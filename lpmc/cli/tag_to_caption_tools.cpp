#include <cstdio>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "lpmc/base/atomic_file.h"
#include "lpmc/base/error.h"
#include "lpmc/base/log.h"
#include "lpmc/base/utf8.h"
#include "lpmc/cli/commands.h"
#include "lpmc/cli/tag_to_caption_key.h"
#include "lpmc/cli/tag_to_caption_run.h"
#include "lpmc/tag_to_caption/batch_api.h"
#include "lpmc/tag_to_caption/export_rows.h"
#include "lpmc/tag_to_caption/import.h"
#include "lpmc/tag_to_caption/job_store_impl.h"
#include "lpmc/tag_to_caption/report.h"

namespace lpmc::cli {
namespace {

/// Looking at a run must not make one.
JobStore open_existing(const TagToCaptionFlags& flags) {
  LPMC_REQUIRE(std::filesystem::exists(flags.db), not_found, "{}: no such database", display_path(flags.db));
  return JobStore(flags.db);
}

RunFigures figures_of(const JobStore& store, double near_duplicate) {
  FigureBuilder builder(near_duplicate);
  store.for_each([&](const StoredCaption& item) { builder.add(item); });
  return builder.finish();
}

StoredCaptions captions_of(const JobStore& store) {
  return [&store](const std::function<void(const StoredCaption&)>& visit) { store.for_each(visit); };
}

void print_text(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

/// jsonl and csv are made of rows: these can be printed without a file.
ExportCounts print_rows(const JobStore& store, ExportFormat format, const ExportOptions& options) {
  ExportCounts counts;
  if (format == ExportFormat::csv) print_text(detail::export_csv_header(options));
  select_captions(captions_of(store), options)([&](const StoredCaption& item) {
    const bool at_its_end = item.state == JobState::failed || item.state == JobState::dropped;
    if (item.state != JobState::done && !(options.failed && at_its_end)) {
      ++counts.left_out;
      return;
    }
    ++counts.captions;
    print_text(format == ExportFormat::csv ? detail::export_csv_row(item, options)
                                           : detail::export_json_row(item, options));
  });
  return counts;
}

struct BatchParts {
  Secret key;
  LlmChoice choice;
  HttpClient http;
  CaptionRules rules;
  BatchSetup setup;

  BatchParts(const TagToCaptionFlags& flags, JobStore& store, Secret given)
      : key(std::move(given)),
        choice(choose_llm(flags, key)),
        http(http_options(flags)),
        rules(flags, &store) {
    LPMC_REQUIRE(choice.kind == LlmKind::server, invalid_argument,
                 "batch: expected --llm openai or the URL of a server with OpenAI's Batch API, found {}",
                 choice.words);
    log(LogLevel::info, "language model: {}", choice.words);
    setup.store = &store;
    setup.http = &http;
    setup.http_options = http_options(flags);
    setup.chat = chat_options(choice, flags, key);
    setup.rules = rules.rules();
    setup.price = price_of(choice, flags).value_or(ModelPrice{});
    setup.max_cost = flags.limits.max_cost;
    setup.max_tokens_total = flags.limits.max_tokens_total;
    setup.tool_version = tool_version();
  }
};

void print_batch(const BatchInfo& info) {
  fmt::print("{}\t{}\t{}\t{} jobs\t{} completed\t{} failed{}{}\n", info.batch.no,
             info.batch.remote_id.empty() ? "-" : info.batch.remote_id, info.batch.state, info.batch.jobs,
             info.completed, info.failed, info.error.empty() ? "" : "\t", replace_invalid_utf8(info.error));
}

}  // namespace

int print_status(TagToCaptionFlags& flags) {
  const JobStore store = open_existing(flags);
  const RunFigures figures = figures_of(store, 0);
  const StoreCounts counts = store.counts();
  if (flags.format == "text") {
    print_text(status_text(figures));
    fmt::print("all attempts: {}, {} tokens sent, {} received, ${:.4f}\n", counts.attempts,
               counts.prompt_tokens, counts.completion_tokens, counts.cost_usd);
    return kAllDone;
  }
  auto json = nlohmann::ordered_json::parse(status_json(figures));
  json["attempts"] = counts.attempts;
  json["prompt_tokens"] = counts.prompt_tokens;
  json["completion_tokens"] = counts.completion_tokens;
  json["cost_usd"] = counts.cost_usd;
  print_text(json.dump(2) + "\n");
  return kAllDone;
}

int write_report(TagToCaptionFlags& flags) {
  const JobStore store = open_existing(flags);
  const ValidationOptions options = flags.validation.values();
  validate(options);
  ReportTitle title;
  title.dataset = store.note("dataset").value_or("");
  title.totals = store.counts();
  title.tool_version = tool_version();
  const std::string page = html_report(figures_of(store, options.near_duplicate), title);
  if (flags.output.empty()) {
    print_text(page);
  } else {
    write_file_atomically(flags.output, page);
  }
  return kAllDone;
}

int export_run(TagToCaptionFlags& flags) {
  const ExportFormat format = parse_export_format(flags.format);
  ExportOptions options = flags.export_options.values();
  const JobStore store = open_existing(flags);
  if (options.dataset.empty()) options.dataset = store.note("dataset").value_or("");
  const bool is_rows = format == ExportFormat::jsonl || format == ExportFormat::csv;
  LPMC_REQUIRE(is_rows || !flags.output.empty(), invalid_argument,
               "--format {}: expected --output, found none", flags.format);
  const ExportCounts counts = flags.output.empty() ? print_rows(store, format, options)
                                                   : export_captions(captions_of(store), format, flags.output,
                                                                     options, store.prompts());
  log(LogLevel::info, "{} captions written, {} jobs left out that are not done", counts.captions,
      counts.left_out);
  if (counts.kept > 0)
    log(LogLevel::warning, "{} files with another text were kept; --overwrite replaces them", counts.kept);
  return kAllDone;
}

int import_tree(TagToCaptionFlags& flags) {
  const CaptionTree tree(flags.tree, flags.dataset_name);
  LPMC_REQUIRE(!flags.input.empty() || std::filesystem::exists(flags.db), not_found,
               "{}: no such database; --input FILE makes it", display_path(flags.db));
  JobStore store(flags.db);
  if (!flags.input.empty()) add_input(store, flags);
  const CaptionRules rules(flags, &store);
  const std::vector<Prompt> prompts = store.prompts();
  ImportOptions options;
  if (!flags.llm_model.empty()) options.model = flags.llm_model;
  options.tool_version = tool_version();
  options.time_unix_ms = unix_time_ms();
  AnswerRules flag_rules = rules.rules();
  flag_rules.policy = FlawPolicy::flag;
  if (rules.rules().policy != FlawPolicy::keep) {
    options.validate = [&](const Answer& answer, const Job& job) {
      for (const Prompt& prompt : prompts) {
        if (prompt.id != job.prompt_id) continue;
        const std::string text = tree_text({answer.caption, answer.new_attributes, ""});
        Prompt plain = prompt;
        plain.expects_dictionary = prompt.expects_dictionary && !answer.new_attributes.empty();
        return judge_answer(flag_rules, plain, job, text, "stop").result.validation;
      }
      return std::string();
    };
  }
  const ImportCounts counts = import_captions(store, tree, prompts, options);
  fmt::print("{} captions imported, {} unreadable, {} jobs without a file, {} files without a waiting job\n",
             counts.imported, counts.unreadable, counts.without_file, counts.unmatched);
  return kAllDone;
}

int submit_batch(TagToCaptionFlags& flags) {
  Secret key = take_api_key(flags.api_key_file);
  LPMC_REQUIRE(!flags.input.empty() || std::filesystem::exists(flags.db), not_found,
               "{}: no such database; --input FILE makes it", display_path(flags.db));
  JobStore store(flags.db);
  if (!flags.input.empty()) add_input(store, flags);
  const BatchParts parts(flags, store, std::move(key));
  const auto submitted = submit_batches(parts.setup);
  for (const BatchInfo& info : submitted)
    print_batch(info);
  if (submitted.empty()) log(LogLevel::info, "nothing to submit");
  return kAllDone;
}

int print_batches(TagToCaptionFlags& flags) {
  Secret key = take_api_key(flags.api_key_file);
  JobStore store = open_existing(flags);
  const BatchParts parts(flags, store, std::move(key));
  for (const BatchInfo& info : batch_status(parts.setup))
    print_batch(info);
  return kAllDone;
}

int collect_batch(TagToCaptionFlags& flags) {
  Secret key = take_api_key(flags.api_key_file);
  JobStore store = open_existing(flags);
  const BatchParts parts(flags, store, std::move(key));
  const BatchCollection got = collect_batches(parts.setup);
  fmt::print("{} batches collected, {} not ready; {} captions done, {} failed, {} to be asked again\n",
             got.batches, got.running, got.done, got.failed, got.back_to_waiting);
  return got.failed > 0 ? kSomeFailed : kAllDone;
}

}  // namespace lpmc::cli
