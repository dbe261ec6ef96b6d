#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "lpmc/base/utf8.h"
#include "lpmc/tag_to_caption/report.h"

namespace lpmc {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kShownErrors = 3;

std::string top_line(const TextCounts& counts, std::size_t shown) {
  std::string line;
  for (const auto& [text, count] : counts.top(shown)) {
    line += fmt::format("{}{} {}", line.empty() ? "" : ", ", display_path(text), count);
  }
  return line;
}

ordered_json counts_json(const TextCounts& counts, std::size_t shown) {
  ordered_json object = ordered_json::object();
  for (const auto& [text, count] : counts.top(shown))
    object[replace_invalid_utf8(text)] = count;
  return object;
}

ordered_json task_json(const TaskFigures& task) {
  ordered_json object;
  object["prompt"] = task.prompt_id;
  object["waiting"] = task.waiting;
  object["taken"] = task.taken;
  object["done"] = task.done;
  object["failed"] = task.failed;
  object["dropped"] = task.dropped;
  object["validated"] = task.validated;
  object["flawless"] = task.flawless;
  object["coverage_mean"] = task.coverage_mean();
  object["coverage_histogram"] = task.coverage;
  object["words_mean"] = task.words_mean();
  object["words_min"] = task.shortest;
  object["words_max"] = task.longest;
  object["length_histogram"] = task.lengths;
  object["vocabulary"] = task.vocabulary;
  object["repeated"] = task.repeated;
  object["near_repeated"] = task.near;
  object["flaws"] = counts_json(task.flaws, TextCounts::kMaxTexts);
  object["errors"] = counts_json(task.errors, 20);
  object["models"] = counts_json(task.models, 20);
  object["prompt_tokens"] = task.prompt_tokens;
  object["completion_tokens"] = task.completion_tokens;
  object["cost_usd"] = task.cost_usd;
  return object;
}

}  // namespace

std::string status_text(const RunFigures& figures) {
  std::string text = fmt::format("{} records", figures.records);
  if (!figures.splits.empty() &&
      !(figures.splits.counts().size() == 1 && figures.splits.counts().contains(""))) {
    text += " (" + top_line(figures.splits, 8) + ")";
  }
  text += '\n';
  for (const TaskFigures& task : figures.tasks) {
    text += fmt::format("{}: {} done, {} failed, {} dropped, {} to do\n", display_path(task.prompt_id),
                        task.done, task.failed, task.dropped, task.waiting + task.taken);
    if (task.done > 0) {
      text += fmt::format("  words       {:.1f} on average ({} to {}), {} different\n", task.words_mean(),
                          task.shortest, task.longest, task.vocabulary);
      text += fmt::format("  repeated    {} captions equal an earlier one{}\n", task.repeated,
                          task.near > 0 ? fmt::format(", {} nearly", task.near) : "");
    }
    if (task.validated > 0) {
      text += fmt::format("  coverage    {:.1f} % of the tags are expressed\n", 100 * task.coverage_mean());
      text += fmt::format("  flawless    {} of {}\n", task.flawless, task.validated);
    }
    if (!task.flaws.empty()) text += fmt::format("  flaws       {}\n", top_line(task.flaws, 20));
    for (const auto& [error, count] : task.errors.top(kShownErrors)) {
      text += fmt::format("  error       {} times: {}\n", count, display_path(error));
    }
  }
  return text;
}

std::string status_json(const RunFigures& figures) {
  ordered_json object;
  object["records"] = figures.records;
  object["splits"] = counts_json(figures.splits, 100);
  object["tasks"] = ordered_json::array();
  for (const TaskFigures& task : figures.tasks)
    object["tasks"].push_back(task_json(task));
  return object.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace lpmc
