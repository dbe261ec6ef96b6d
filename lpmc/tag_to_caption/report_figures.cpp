#include <algorithm>
#include <cctype>
#include <deque>
#include <functional>
#include <unordered_set>
#include <utility>

#include <nlohmann/json.hpp>

#include "lpmc/tag_to_caption/duplicates.h"
#include "lpmc/tag_to_caption/report.h"

namespace lpmc {
namespace {

using nlohmann::json;

constexpr std::size_t kExamplesPerFlaw = 3;
constexpr std::size_t kMaxVocabulary = 2'000'000;

bool is_word_byte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x80 || std::isalnum(byte) != 0 || c == '\'' || c == '-';
}

/// Calls `take` for every word in lower case (ASCII).
template <class Take>
void for_each_word(std::string_view text, Take&& take) {
  std::string word;
  for (const char c : text) {
    if (is_word_byte(c)) {
      word += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    } else if (!word.empty()) {
      take(word);
      word.clear();
    }
  }
  if (!word.empty()) take(word);
}

std::vector<std::string> strings_of(const json& report, const char* name) {
  std::vector<std::string> strings;
  const auto found = report.find(name);
  if (found == report.end() || !found->is_array()) return strings;
  for (const json& item : *found) {
    if (item.is_string()) strings.push_back(item.get<std::string>());
  }
  return strings;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts)
    text += (text.empty() ? "" : ", ") + part;
  return text;
}

/// What of a report explains a flaw.
std::string detail_of(const std::string& flaw, const json& report) {
  if (flaw == "missing_tags") return joined(strings_of(report, "missing"));
  if (flaw == "added_attributes") return joined(strings_of(report, "added"));
  if (flaw == "contradiction") return joined(strings_of(report, "contradictions"));
  return {};
}

}  // namespace

void TextCounts::add(std::string_view text) {
  ++total_;
  if (const auto found = counts_.find(text); found != counts_.end()) {
    ++found->second;
  } else {
    ++counts_[counts_.size() < kMaxTexts ? std::string(text) : std::string("(others)")];
  }
}

std::vector<std::pair<std::string, std::uint64_t>> TextCounts::top(std::size_t count) const {
  std::vector<std::pair<std::string, std::uint64_t>> all(counts_.begin(), counts_.end());
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  if (all.size() > count) all.resize(count);
  return all;
}

double TaskFigures::words_mean() const {
  return done == 0 ? 0 : static_cast<double>(words) / static_cast<double>(done);
}
double TaskFigures::coverage_mean() const {
  return validated == 0 ? 0 : coverage_sum / static_cast<double>(validated);
}

struct FigureBuilder::Impl {
  struct Task {
    TaskFigures figures;
    std::vector<std::uint64_t> caption_hashes;
    std::unordered_set<std::string> vocabulary;
    DuplicateIndex duplicates;
  };

  Task& task_of(const std::string& prompt_id) {
    for (Task& task : tasks) {
      if (task.figures.prompt_id == prompt_id) return task;
    }
    Task& task = tasks.emplace_back();
    task.figures.prompt_id = prompt_id;
    return task;
  }

  void add_done(Task& task, const StoredCaption& item) const {
    TaskFigures& figures = task.figures;
    std::uint64_t words = 0;
    for_each_word(item.result.caption, [&](const std::string& word) {
      ++words;
      if (task.vocabulary.size() < kMaxVocabulary) task.vocabulary.insert(word);
    });
    figures.words += words;
    figures.shortest = figures.done == 0 ? words : std::min(figures.shortest, words);
    figures.longest = std::max(figures.longest, words);
    ++figures.done;
    ++figures.lengths[std::min<std::uint64_t>(words / 5, TaskFigures::kLengthBins - 1)];
    task.caption_hashes.push_back(std::hash<std::string>{}(item.result.caption));
    if (near_duplicate > 0 &&
        task.duplicates.add(item.result.caption, near_duplicate) == DuplicateIndex::Match::near) {
      ++figures.near;
    }
    add_validation(figures, item);
  }

  static void add_validation(TaskFigures& figures, const StoredCaption& item) {
    if (item.result.validation.empty()) return;
    const json report = json::parse(item.result.validation, nullptr, false);
    if (!report.is_object()) return;
    ++figures.validated;
    const auto covered = report.find("coverage");
    const double share =
        covered != report.end() && covered->is_number() ? std::clamp(covered->get<double>(), 0.0, 1.0) : 0.0;
    figures.coverage_sum += share;
    // A tenth that arithmetic leaves just under its bin's edge belongs into it.
    ++figures.coverage[static_cast<std::size_t>(share * 10 + 1e-9)];
    const std::vector<std::string> flaws = strings_of(report, "flaws");
    if (flaws.empty()) ++figures.flawless;
    for (const std::string& flaw : flaws) {
      figures.flaws.add(flaw);
      if (auto& examples = figures.examples[flaw]; examples.size() < kExamplesPerFlaw) {
        examples.push_back(
            {item.record.id, joined(item.record.tags), item.result.caption, detail_of(flaw, report)});
      }
    }
    for (const std::string& tag : strings_of(report, "missing"))
      figures.missing.add(tag);
    for (const std::string& attribute : strings_of(report, "added"))
      figures.added.add(attribute);
    for (const std::string& pair : strings_of(report, "contradictions"))
      figures.contradictions.add(pair);
  }

  static void add_attempt(TaskFigures& figures, const Attempt& attempt) {
    figures.models.add(attempt.model);
    figures.prompt_hashes.add(attempt.prompt_hash);
    figures.samplings.add(attempt.sampling);
    figures.tool_versions.add(attempt.tool_version);
    figures.prompt_tokens += attempt.usage.prompt_tokens;
    figures.completion_tokens += attempt.usage.completion_tokens;
    figures.cost_usd += attempt.cost_usd;
  }

  double near_duplicate = 0;
  std::deque<Task> tasks;  // a Task is not moved
  RunFigures run;
  std::string last_record;
};

FigureBuilder::FigureBuilder(double near_duplicate) : impl_(std::make_unique<Impl>()) {
  impl_->near_duplicate = near_duplicate;
}
FigureBuilder::~FigureBuilder() = default;

void FigureBuilder::add(const StoredCaption& item) {
  if (impl_->run.records == 0 || item.record.id != impl_->last_record) {  // a record's jobs follow each other
    impl_->last_record = item.record.id;
    ++impl_->run.records;
    impl_->run.splits.add(item.record.split);
  }
  Impl::Task& task = impl_->task_of(item.prompt_id);
  TaskFigures& figures = task.figures;
  switch (item.state) {
    case JobState::waiting:
      ++figures.waiting;
      return;
    case JobState::taken:
      ++figures.taken;
      return;
    case JobState::done:
      impl_->add_done(task, item);
      break;
    case JobState::failed:
    case JobState::dropped:
      ++(item.state == JobState::failed ? figures.failed : figures.dropped);
      figures.errors.add(item.error.empty() ? "(no reason noted)" : item.error);
      break;
  }
  Impl::add_attempt(figures, item.last_attempt);
}

RunFigures FigureBuilder::finish() {
  for (Impl::Task& task : impl_->tasks) {
    std::vector<std::uint64_t>& hashes = task.caption_hashes;
    std::sort(hashes.begin(), hashes.end());
    const auto distinct = std::unique(hashes.begin(), hashes.end()) - hashes.begin();
    task.figures.repeated = hashes.size() - static_cast<std::size_t>(distinct);
    task.figures.vocabulary = task.vocabulary.size();
    impl_->run.tasks.push_back(std::move(task.figures));
  }
  impl_->tasks.clear();
  return std::move(impl_->run);
}

}  // namespace lpmc
