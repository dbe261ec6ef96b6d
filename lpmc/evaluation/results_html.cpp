#include "lpmc/evaluation/results_html.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "lpmc/evaluation/html_parts.h"

namespace lpmc {
namespace {

constexpr std::string_view kStyle =
    ":root{color-scheme:light dark}"
    "body{font:15px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}"
    "th,td{padding:.25rem .6rem;border-bottom:1px solid #8884;text-align:left;vertical-align:top}"
    ".number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}"
    ".wide{overflow-x:auto}.wide table{min-width:48rem}summary{cursor:pointer;padding:.2rem 0}"
    "figure{margin:1rem 0}figcaption{font-weight:600}svg{width:100%;height:auto}svg rect{fill:#3b7dd8}"
    "svg text{font:12px system-ui,sans-serif;fill:currentColor}audio{width:14rem;height:2rem}"
    "small{opacity:.75}h1{overflow-wrap:anywhere}h2{margin-top:2.5rem}"
    // On a phone a definition stands below its number, not in a column of one word a line.
    "@media(max-width:42rem){.definitions tr{display:grid;grid-template-columns:1fr auto auto;"
    "border-bottom:1px solid #8884}.definitions td,.definitions th{border:0;padding:.25rem .2rem}"
    ".definitions td:last-child{grid-column:1/-1}.definitions th:last-child{display:none}}";

/// Numbers whose distribution over clips is shown, where they are there.
constexpr std::array<std::string_view, 6> kShownByClip = {"meteor_1.0",   "rougeL",     "bertscore",
                                                          "coco_cider_d", "length_avg", "tag_coverage"};
constexpr std::size_t kBins = 32;

std::string number_cell(const std::string& text) {
  return fmt::format("<td class=\"number\">{}</td>", text);
}

std::string number_table(const Evaluation& evaluation) {
  std::string html =
      "<table class=\"definitions\">\n<tr><th>number</th><th class=\"number\">value</th>"
      "<th class=\"number\">95 %</th><th>definition</th></tr>\n";
  for (const Metric& metric : evaluation.metrics) {
    html += fmt::format("<tr><td>{}</td>", metric.published ? "<b>" + escape_html(metric.name) + "</b>"
                                                            : escape_html(metric.name));
    html += number_cell(fmt::format("{:.{}f}", metric.value, metric.whole ? 0 : 4));
    html += number_cell(metric.interval
                            ? fmt::format("{:.4f} \u2013 {:.4f}", metric.interval->low, metric.interval->high)
                            : "");
    html += fmt::format("<td><small>{}</small></td></tr>\n", escape_html(metric.definition));
  }
  for (const LeftOut& item : evaluation.left_out) {
    html += fmt::format("<tr><td>{}</td>{}<td></td><td><small>{}</small></td></tr>\n", escape_html(item.name),
                        number_cell("left out"), escape_html(item.reason));
  }
  html += "</table>\n";
  for (const std::string& note : evaluation.notes)
    html += fmt::format("<p>Note: {}</p>\n", escape_html(note));
  return html;
}

class ClipRows {
 public:
  ClipRows(std::span<const ClipCaptions> clips, const HtmlReportOptions& options)
      : clips_(clips), options_(options) {}

  /// "12 id" with a player where there is a file.
  std::string name_cell(std::size_t clip) const {
    std::string cell = fmt::format("<td>{} {}", clip + 1, escape_html(clips_[clip].id));
    const std::filesystem::path file = find_audio(clips_[clip], options_.audio);
    if (!file.empty()) {
      cell += fmt::format("<br><audio controls preload=\"none\" src=\"{}\"></audio>",
                          escape_html(audio_link(file, options_.page_folder)));
    }
    return cell + "</td>";
  }

  std::string references_cell(std::size_t clip) const {
    std::string cell = "<td>";
    for (std::size_t i = 0; i < clips_[clip].references.size(); ++i)
      cell += (i > 0 ? "<br>" : "") + escape_html(clips_[clip].references[i]);
    return cell + "</td>";
  }

  std::string row(std::size_t clip, double value) const {
    return "<tr>" + name_cell(clip) + number_cell(fmt::format("{:.4f}", value)) + "<td>" +
           escape_html(clips_[clip].prediction) + "</td>" + references_cell(clip) + "</tr>\n";
  }

 private:
  std::span<const ClipCaptions> clips_;
  const HtmlReportOptions& options_;
};

std::string examples(const Metric& metric, const ClipRows& rows, std::size_t count) {
  std::vector<std::size_t> order(metric.per_clip.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return metric.per_clip[a] > metric.per_clip[b]; });
  const std::size_t shown = std::min(count, order.size());
  const auto section = [&](std::string_view heading, auto begin) {
    std::string html = fmt::format(
        "<details><summary>{} by {}</summary><div class=\"wide\"><table>\n<tr><th>clip</th>"
        "<th class=\"number\">value</th><th>prediction</th>"
        "<th>references</th></tr>\n",
        heading, escape_html(metric.name));
    for (std::size_t i = 0; i < shown; ++i, ++begin)
      html += rows.row(*begin, metric.per_clip[*begin]);
    return html + "</table></div></details>\n";
  };
  return section("Highest", order.begin()) + section("Lowest", order.rbegin());
}

std::string comparison_section(const ComparedSystem& compared, const ClipRows& rows,
                               std::span<const ClipCaptions> clips) {
  std::string html = fmt::format(
      "<h2>Against {}</h2>\n<div class=\"wide\"><table>\n<tr><th>number</th><th class=\"number\">this</th>"
      "<th class=\"number\">other</th><th class=\"number\">difference</th><th class=\"number\">95 %</th>"
      "<th class=\"number\">p (bootstrap)</th><th class=\"number\">p (t-test)</th>"
      "<th class=\"number\">wins / losses / ties</th></tr>\n",
      escape_html(compared.name));
  for (const MetricComparison& metric : compared.comparison->metrics) {
    html += "<tr><td>" + escape_html(metric.name) + "</td>";
    for (const double value : {metric.first, metric.second, metric.bootstrap.difference})
      html += number_cell(fmt::format("{:.4f}", value));
    html += number_cell(
        fmt::format("{:.4f} \u2013 {:.4f}", metric.bootstrap.interval.low, metric.bootstrap.interval.high));
    html += number_cell(fmt::format("{:.4f}", metric.bootstrap.p));
    html += number_cell(metric.t_test ? fmt::format("{:.4f}", metric.t_test->p) : "");
    html += number_cell(
        metric.wins ? fmt::format("{} / {} / {}", metric.wins->first, metric.wins->second, metric.wins->ties)
                    : "");
    html += "</tr>\n";
  }
  html += fmt::format(
      "</table></div>\n<h3>Clips that differ most by {}</h3>\n<div "
      "class=\"wide\"><table>\n<tr><th>clip</th><th>this</th><th></th>"
      "<th>other</th><th></th><th>references</th></tr>\n",
      escape_html(compared.comparison->differ_by));
  for (const ClipDifference& difference : compared.comparison->clips) {
    html += "<tr>" + rows.name_cell(difference.clip) + number_cell(fmt::format("{:.4f}", difference.first)) +
            "<td>" + escape_html(clips[difference.clip].prediction) + "</td>" +
            number_cell(fmt::format("{:.4f}", difference.second)) + "<td>" +
            escape_html(compared.clips[difference.clip].prediction) + "</td>" +
            rows.references_cell(difference.clip) + "</tr>\n";
  }
  return html + "</table></div>\n";
}

}  // namespace

std::string results_html(const ReportedSystem& system, const HtmlReportOptions& options,
                         const ComparedSystem* compared) {
  const Evaluation& evaluation = *system.evaluation;
  const ClipRows rows(system.clips, options);
  std::string html = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width,initial-scale=1\"><title>{0}</title><style>{1}</style></"
      "head><body>\n<h1>{0}</h1>\n"
      "<p>{2} clips</p>\n",
      escape_html(system.name), kStyle, evaluation.clips);
  html += number_table(evaluation);
  if (compared != nullptr) html += comparison_section(*compared, rows, system.clips);
  html += "<h2>Distributions</h2>\n";
  for (const std::string_view name : kShownByClip) {
    const Metric* metric = evaluation.find(name);
    if (metric != nullptr && !metric->per_clip.empty()) {
      html += histogram_figure(metric->per_clip, kBins, name);
      html += examples(*metric, rows, options.examples);
    }
  }
  return html + "</body></html>\n";
}

}  // namespace lpmc
