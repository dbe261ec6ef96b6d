#include "lpmc/training/report.h"

#include <string_view>

#include <fmt/format.h>

#include "lpmc/base/utf8.h"
#include "lpmc/training/curve_figure.h"

namespace lpmc {
namespace {

using nlohmann::json;

constexpr std::string_view kStyle = R"(
:root{color-scheme:light dark;--ink:#1c2430;--soft:#667085;--line:#e3e7ee;--paper:#fff;--card:#f7f8fb;--a:#2463c5;--b:#d9660f}
@media(prefers-color-scheme:dark){:root{--ink:#e8ebf0;--soft:#98a2b3;--line:#2b3342;--paper:#12161d;--card:#1a202b;--a:#6ea3f5;--b:#f2994a}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);margin:0 auto;max-width:1180px;padding:24px}
h1{font-size:24px;margin:0 0 4px}h2{font-size:18px;margin:32px 0 12px}p.facts{color:var(--soft);margin:0 0 16px}
.tiles{display:flex;flex-wrap:wrap;gap:12px;margin:16px 0}.tile{background:var(--card);border-radius:8px;padding:10px 16px;min-width:110px}
.tile b{display:block;font-size:20px;font-variant-numeric:tabular-nums}.tile span{color:var(--soft);font-size:13px}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(420px,1fr));gap:16px}
figure{margin:0;background:var(--card);border-radius:8px;padding:8px}svg{width:100%;height:auto;display:block}
svg text{font-size:12px;fill:var(--soft)}svg text.title{font-size:14px;font-weight:600;fill:var(--ink)}
.grid{stroke:var(--line)}polyline,.l0,.l1{fill:none;stroke-width:2}.l0{stroke:var(--a)}.l1{stroke:var(--b)}.c0{fill:var(--a)}.c1{fill:var(--b)}
table{border-collapse:collapse;width:100%;font-size:14px}td,th{text-align:left;vertical-align:top;padding:6px 10px;border-bottom:1px solid var(--line)}
th{color:var(--soft);font-weight:600}td.n{font-variant-numeric:tabular-nums;white-space:nowrap}td.ref{color:var(--soft)}
audio{width:190px;height:32px}details{margin:8px 0}summary{cursor:pointer;color:var(--soft)}
)";

bool is_kind(const json& entry, std::string_view kind) {
  return entry.value("kind", "") == kind;
}

Curve curve_of(const RunFacts& facts, std::string_view kind, const std::string& key,
               const std::string& name) {
  Curve curve;
  curve.name = name;
  curve.color = kind == "valid" ? 1 : 0;
  curve.has_dots = kind == "valid";
  for (const json& entry : facts.entries) {
    if (is_kind(entry, kind) && entry.contains(key) && entry[key].is_number()) {
      curve.points.emplace_back(entry["step"].get<double>(), entry[key].get<double>());
    }
  }
  return curve;
}

const json* last_entry(const RunFacts& facts, std::string_view kind) {
  for (auto entry = facts.entries.rbegin(); entry != facts.entries.rend(); ++entry) {
    if (is_kind(*entry, kind)) return &*entry;
  }
  return nullptr;
}

/// The validation with the least loss.
const json* best_validation(const RunFacts& facts) {
  const json* best = nullptr;
  for (const json& entry : facts.entries) {
    if (!is_kind(entry, "valid") || !entry["loss"].is_number()) continue;
    if (best == nullptr || entry["loss"].get<double>() < (*best)["loss"].get<double>()) best = &entry;
  }
  return best;
}

std::string number(const json& entry, const char* key) {
  return entry.contains(key) && entry[key].is_number() ? fmt::format("{:.4g}", entry[key].get<double>())
                                                       : std::string("-");
}

std::string tile(const std::string& value, std::string_view label) {
  return fmt::format("<div class=\"tile\"><b>{}</b><span>{}</span></div>", html_text(value), label);
}

std::string tiles(const RunFacts& facts) {
  std::string html =
      "<div class=\"tiles\">" + tile(fmt::format("{} / {}", facts.step, facts.updates), "updates");
  if (const json* train = last_entry(facts, "train")) {
    html += tile(number(*train, "loss"), "training loss") +
            tile(number(*train, "accuracy"), "token accuracy") +
            tile(number(*train, "clips_per_s"), "clips / s");
  }
  if (const json* best = best_validation(facts)) {
    html += tile(number(*best, "loss"),
                 fmt::format("best validation loss, update {}", best->value("step", std::int64_t{0})));
  }
  return html + "</div>\n";
}

std::string charts(const RunFacts& facts) {
  const auto both = [&](const char* key) {
    return std::vector<Curve>{curve_of(facts, "train", key, "training"),
                              curve_of(facts, "valid", key, "validation")};
  };
  const auto one = [&](const char* key) {
    return std::vector<Curve>{curve_of(facts, "train", key, "training")};
  };
  return "<div class=\"charts\">\n" + curve_figure("Loss", both("loss")) +
         curve_figure("Token accuracy (teacher-forced)", both("accuracy")) +
         curve_figure("Learning rate", one("lr")) + curve_figure("Gradient norm", one("grad_norm")) +
         curve_figure("Clips a second", one("clips_per_s")) +
         curve_figure("Waiting for data, share of time", one("data_wait")) + "</div>\n";
}

std::string sample_table(const json& entry) {
  std::string html = "<table><tr><th>clip</th><th>sound</th><th>reference</th><th>caption</th></tr>\n";
  for (const json& sample : entry["captions"]) {
    html += fmt::format(
        "<tr><td class=\"n\">{}</td><td><audio controls preload=\"none\" src=\"{}\"></audio></td>"
        "<td class=\"ref\">{}</td><td>{}</td></tr>\n",
        html_text(sample.value("id", "")), html_text(sample.value("audio", "")),
        html_text(sample.value("reference", "")), html_text(sample.value("caption", "")));
  }
  return html + "</table>\n";
}

std::string samples(const RunFacts& facts) {
  std::string html;
  for (auto entry = facts.entries.rbegin(); entry != facts.entries.rend(); ++entry) {
    if (!is_kind(*entry, "samples") || !entry->contains("captions")) continue;
    const std::int64_t step = entry->value("step", std::int64_t{0});
    if (html.empty()) {
      html = fmt::format("<h2>Captions of fixed clips, update {}</h2>\n{}", step, sample_table(*entry));
    } else {
      html += fmt::format("<details><summary>update {}</summary>{}</details>\n", step, sample_table(*entry));
    }
  }
  return html;
}

std::string settings(const RunFacts& facts) {
  std::string html = "<h2>Settings</h2>\n<details><summary>all options</summary><table>\n";
  for (const auto& [key, value] : facts.options.items())
    html +=
        fmt::format("<tr><td>{}</td><td class=\"n\">{}</td></tr>\n", html_text(key), html_text(value.dump()));
  return html + "</table></details>\n";
}

std::string yaml_text(const std::string& text) {
  return json(replace_invalid_utf8(text)).dump();  // a JSON string is a YAML string
}

std::string metrics_table(const RunFacts& facts) {
  std::string text = "| measured on | update | loss | token accuracy |\n|---|---|---|---|\n";
  if (const json* train = last_entry(facts, "train")) {
    text += fmt::format("| training, last {} updates | {} | {} | {} |\n", train->value("updates", 1),
                        train->value("step", std::int64_t{0}), number(*train, "loss"),
                        number(*train, "accuracy"));
  }
  if (const json* valid = last_entry(facts, "valid")) {
    text += fmt::format("| validation ({} clips) | {} | {} | {} |\n", valid->value("clips", std::int64_t{0}),
                        valid->value("step", std::int64_t{0}), number(*valid, "loss"),
                        number(*valid, "accuracy"));
  }
  return text;
}

}  // namespace

std::string training_report(const RunFacts& facts) {
  return fmt::format(
             "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
             "<meta name=\"viewport\" content=\"width=device-width\"><title>{0}: training</title>"
             "<style>{1}</style></head><body>\n<h1>{0}</h1>\n"
             "<p class=\"facts\">{2} · {3} parameters · {4} · {5}</p>\n",
             html_text(facts.name), kStyle, html_text(facts.options.value("framework", "")), facts.parameters,
             html_text(facts.start), html_text(facts.data)) +
         tiles(facts) + charts(facts) + samples(facts) + settings(facts) + "</body></html>\n";
}

std::string training_card(const RunFacts& facts) {
  std::string card = "---\n";
  if (!facts.license.empty()) card += fmt::format("license: {}\n", yaml_text(facts.license));
  card += fmt::format(
      "lpmc_dtypes: [f32]\n---\n\n# {}\n\nA music captioner trained with `lpmc train` ({}), {} parameters, "
      "after "
      "update {} of {}.\nLicence: {}.\n\n## Data\n\n{}. Started from {}.\n\n## Metrics\n\n{}",
      facts.name, facts.options.value("framework", ""), facts.parameters, facts.step, facts.updates,
      facts.license.empty() ? "not stated (`--license`)" : facts.license, facts.data, facts.start,
      metrics_table(facts));
  card +=
      "\nThe loss is label-smoothed cross-entropy a token, as published.\n\n## Settings\n\n| option | value "
      "|\n|---|---|\n";
  for (const auto& [key, value] : facts.options.items())
    card += fmt::format("| {} | {} |\n", key, value.dump());
  return card;
}

}  // namespace lpmc
