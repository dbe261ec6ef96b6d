#include "lpmc/tag_to_caption/report.h"

#include <fmt/format.h>

#include "lpmc/tag_to_caption/report_plots.h"

namespace lpmc {
namespace {

constexpr std::size_t kRanked = 15;

constexpr std::string_view kStyle =
    ":root{color-scheme:light dark}"
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}"
    "th,td{padding:.25rem .5rem;border-bottom:1px solid #8884;text-align:right;vertical-align:top}"
    "th:first-child,td:first-child,.text td,.text th{text-align:left}"
    "svg{max-width:100%;height:auto}svg rect{fill:#3b7dd8}svg text{font:12px "
    "system-ui,sans-serif;fill:currentColor}"
    "td,code{overflow-wrap:anywhere}.overview{overflow-x:auto}h2{margin-top:2.5rem}";

std::string cell(std::string_view text) {
  return fmt::format("<td>{}</td>", html_text(text));
}

template <class Number>
std::string number_cell(Number number) {
  return fmt::format("<td>{}</td>", number);
}

std::string overview(const RunFigures& figures) {
  std::string html =
      "<div class=\"overview\"><table>\n<tr><th>task</th><th>done</th><th>failed</th><th>dropped</th><th>to "
      "do</th><th>flawless</th>"
      "<th>coverage</th><th>words</th><th>vocabulary</th><th>repeated</th><th>nearly</th></tr>\n";
  for (const TaskFigures& task : figures.tasks) {
    const bool judged = task.validated > 0;
    html += "<tr>" + cell(task.prompt_id) + number_cell(task.done) + number_cell(task.failed) +
            number_cell(task.dropped) + number_cell(task.waiting + task.taken) +
            cell(judged ? fmt::format("{} of {}", task.flawless, task.validated) : "-") +
            cell(judged ? fmt::format("{:.1f} %", 100 * task.coverage_mean()) : "-") +
            cell(task.done > 0 ? fmt::format("{:.1f}", task.words_mean()) : "-") +
            number_cell(task.vocabulary) + number_cell(task.repeated) + number_cell(task.near) + "</tr>\n";
  }
  return html + "</table></div>\n";
}

Bars coverage_bars(const TaskFigures& task) {
  Bars bars;
  for (std::size_t i = 0; i < task.coverage.size(); ++i) {
    bars.emplace_back(fmt::format("{}{} %", i + 1 < task.coverage.size() ? "\u2265 " : "", 10 * i),
                      task.coverage[i]);
  }
  return bars;
}

/// Up to the last bin that holds something.
Bars length_bars(const TaskFigures& task) {
  std::size_t bins = task.lengths.size();
  while (bins > 1 && task.lengths[bins - 1] == 0)
    --bins;
  Bars bars;
  for (std::size_t i = 0; i < bins; ++i) {
    const bool last = i + 1 == task.lengths.size();
    bars.emplace_back(last ? fmt::format("{}+", 5 * i) : fmt::format("{}\u2013{}", 5 * i, 5 * i + 4),
                      task.lengths[i]);
  }
  return bars;
}

std::string ranking(std::string_view heading, const TextCounts& counts) {
  if (counts.empty()) return {};
  return fmt::format("<h3>{}</h3>\n{}", heading, ranking_svg(counts.top(kRanked), heading));
}

std::string examples(const TaskFigures& task) {
  if (task.examples.empty()) return {};
  std::string html =
      "<h3>Examples</h3>\n<table "
      "class=\"text\">\n<tr><th>flaw</th><th>record</th><th>tags</th><th>caption</th></tr>\n";
  for (const auto& [flaw, items] : task.examples) {
    for (const FlawExample& item : items) {
      html += "<tr>" + cell(item.detail.empty() ? flaw : flaw + ": " + item.detail) + cell(item.record_id) +
              cell(item.tags) + cell(item.caption) + "</tr>\n";
    }
  }
  return html + "</table>\n";
}

std::string provenance(const TaskFigures& task) {
  std::string html = "<h3>Made with</h3>\n<table class=\"text\">\n";
  const auto rows = [&](std::string_view name, const TextCounts& counts) {
    for (const auto& [text, count] : counts.top(kRanked)) {
      html += fmt::format("<tr><th>{}</th><td><code>{}</code></td><td>{}</td></tr>\n", name,
                          text.empty() ? "-" : html_text(text), count);
    }
  };
  rows("model", task.models);
  rows("prompt (SHA-256)", task.prompt_hashes);
  rows("sampling", task.samplings);
  rows("lpmc", task.tool_versions);
  return html + "</table>\n";
}

std::string task_section(const TaskFigures& task) {
  std::string html = fmt::format("<h2>{}</h2>\n", html_text(task.prompt_id));
  if (task.validated > 0) {
    html += "<h3>Share of the given tags that a caption expresses</h3>\n" +
            histogram_svg(coverage_bars(task), "captions by coverage");
  }
  if (task.done > 0)
    html += "<h3>Words a caption</h3>\n" + histogram_svg(length_bars(task), "captions by length");
  html += ranking("Flaws", task.flaws);
  html += ranking("Tags left out most", task.missing);
  html += ranking("Attributes added most", task.added);
  html += ranking("Contradictions", task.contradictions);
  html += ranking("Errors", task.errors);
  html += examples(task);
  if (!task.models.empty()) html += provenance(task);
  return html;
}

}  // namespace

std::string html_report(const RunFigures& figures, const ReportTitle& title) {
  const std::string name = title.dataset.empty() ? "Tag to caption" : "Tag to caption: " + title.dataset;
  const StoreCounts& totals = title.totals;
  std::string html = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" "
      "content=\"width=device-width\">\n<title>{0}</title>\n<style>{1}</style>\n</head>\n"
      "<body>\n<h1>{0}</h1>\n",
      html_text(name), kStyle);
  html += fmt::format(
      "<p>{} records; {} attempts, {} prompt tokens, {} completion tokens, {:.4f} US dollars. Written by "
      "{}.</p>\n",
      figures.records, totals.attempts, totals.prompt_tokens, totals.completion_tokens, totals.cost_usd,
      html_text(title.tool_version));
  html += overview(figures);
  for (const TaskFigures& task : figures.tasks)
    html += task_section(task);
  return html + "</body>\n</html>\n";
}

}  // namespace lpmc
