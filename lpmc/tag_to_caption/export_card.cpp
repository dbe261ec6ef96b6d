#include <cstdint>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "lpmc/base/utf8.h"
#include "lpmc/tag_to_caption/export_folders.h"

namespace lpmc::detail {
namespace {

/// Text within quotes: a JSON string is a YAML string.
std::string yaml_text(std::string_view text) {
  return nlohmann::json(replace_invalid_utf8(text)).dump();
}

/// Text in a table of Markdown.
std::string table_cell(std::string_view text) {
  std::string cell;
  for (const char c : replace_invalid_utf8(text)) {
    if (c == '|' || c == '\\' || c == '`' || c == '*' || c == '_' || c == '<' || c == '[') cell += '\\';
    cell += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return cell;
}

std::string size_category(std::uint64_t records) {
  constexpr std::pair<std::uint64_t, const char*> kCategories[] = {
      {1'000, "n<1K"}, {10'000, "1K<n<10K"}, {100'000, "10K<n<100K"}, {1'000'000, "100K<n<1M"}};
  for (const auto& [limit, name] : kCategories) {
    if (records < limit) return name;
  }
  return "1M<n<10M";
}

std::string front_matter(std::uint64_t records, std::span<const std::string> splits,
                         const ExportOptions& options, const std::string& name) {
  std::string yaml = "---\n";
  if (!options.license.empty()) yaml += "license: " + yaml_text(options.license) + "\n";
  yaml += "language:\n- en\ntags:\n- music\n- music captioning\n- synthetic\n";
  yaml += "pretty_name: " + yaml_text(name) + "\n";
  yaml += "size_categories:\n- " + size_category(records) + "\n";
  yaml += "configs:\n- config_name: default\n  data_files:\n";
  for (const std::string& split : splits) {
    yaml += fmt::format("  - split: {}\n    path: {}/metadata.jsonl\n", split, split);
  }
  return yaml + "---\n\n";
}

std::string task_table(const RunFigures& figures) {
  std::string text =
      "| task | captions | not written | words on average | vocabulary | equal to an earlier one | tags "
      "expressed | "
      "flawless |\n|---|---|---|---|---|---|---|---|\n";
  for (const TaskFigures& task : figures.tasks) {
    const bool judged = task.validated > 0;
    text += fmt::format("| {} | {} | {} | {:.1f} | {} | {} | {} | {} |\n", table_cell(task.prompt_id),
                        task.done, task.jobs() - task.done, task.words_mean(), task.vocabulary, task.repeated,
                        judged ? fmt::format("{:.1f} %", 100 * task.coverage_mean()) : "not checked",
                        judged ? fmt::format("{} of {}", task.flawless, task.validated) : "not checked");
  }
  return text;
}

std::string prompt_section(std::span<const Prompt> prompts) {
  if (prompts.empty()) return {};
  std::string text =
      "\n## Instructions\n\nThe singular form is for records with one tag. The tags follow, joined by "
      "commas.\n";
  for (const Prompt& prompt : prompts) {
    text += fmt::format("\n### {}\n\n- {}\n", table_cell(prompt.id), table_cell(prompt.plural));
    if (prompt.singular != prompt.plural) text += "- " + table_cell(prompt.singular) + "\n";
    text += fmt::format("- SHA-256 of both: `{}`\n", prompt.hash());
  }
  return text;
}

std::string provenance_section(const RunFigures& figures) {
  std::string text = "\n## Provenance\n\n| task | made with | what | captions |\n|---|---|---|---|\n";
  for (const TaskFigures& task : figures.tasks) {
    const auto rows = [&](std::string_view kind, const TextCounts& counts) {
      for (const auto& [what, count] : counts.top(20)) {
        text += fmt::format("| {} | {} | {} | {} |\n", table_cell(task.prompt_id), kind,
                            what.empty() ? "not known" : table_cell(what), count);
      }
    };
    rows("model", task.models);
    rows("instruction, SHA-256", task.prompt_hashes);
    rows("sampling", task.samplings);
    rows("lpmc", task.tool_versions);
  }
  return text;
}

std::string flaw_section(const RunFigures& figures) {
  std::string rows;
  for (const TaskFigures& task : figures.tasks) {
    for (const auto& [flaw, count] : task.flaws.top(20)) {
      rows += fmt::format("| {} | {} | {} |\n", table_cell(task.prompt_id), table_cell(flaw), count);
    }
  }
  if (rows.empty()) return {};
  return "\n## Flaws found\n\nCaptions with these flaws are in the data set; each line's `provenance` names "
         "its own.\n\n"
         "| task | flaw | captions |\n|---|---|---|\n" +
         rows;
}

}  // namespace

std::string dataset_card(const RunFigures& figures, std::span<const std::string> splits,
                         const ExportOptions& options, std::span<const Prompt> prompts) {
  const std::string name =
      options.dataset.empty() ? "Pseudo captions of music" : options.dataset + " pseudo captions";
  std::string text = front_matter(figures.records, splits, options, name);
  text += fmt::format("# {}\n\n", table_cell(name));
  text += fmt::format(
      "Captions of {} pieces of music, written by a language model from their tags alone. Nobody, and no "
      "model, has "
      "listened to the music for them: they can be wrong where the tags are, and say more than the tags "
      "do.\n\n",
      figures.records);
  if (options.license.empty()) {
    text += "No license is stated: the terms of the tags' source and of the language model apply.\n\n";
  }
  text += "## Tasks\n\n" + task_table(figures);
  text +=
      "\n## Fields\n\n| field | meaning |\n|---|---|\n"
      "| file\\_name | the audio file, where the source named one |\n"
      "| id | the record's id in its source |\n"
      "| tags | the tags the captions were made of |\n"
      "| caption\\_ground\\_truth | written by a human, where the source has one |\n"
      "| caption\\_TASK | the caption of a task; null where none was written |\n"
      "| pseudo\\_attribute | attributes that the model added (attribute\\_prediction) |\n"
      "| provenance | for each caption: prompt, model, prompt's SHA-256, sampling, seed, share of the tags "
      "expressed, "
      "flaws, lpmc's version |\n";
  text += prompt_section(prompts);
  text += provenance_section(figures);
  text += flaw_section(figures);
  return text;
}

}  // namespace lpmc::detail
