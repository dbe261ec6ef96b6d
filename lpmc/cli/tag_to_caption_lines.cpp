#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "lpmc/base/error.h"
#include "lpmc/base/log.h"
#include "lpmc/base/utf8.h"
#include "lpmc/cli/commands.h"
#include "lpmc/cli/tag_to_caption_key.h"
#include "lpmc/cli/tag_to_caption_run.h"
#include "lpmc/dataset/clean_tags.h"
#include "lpmc/dataset/python_list.h"
#include "lpmc/tag_to_caption/export.h"
#include "lpmc/tag_to_caption/export_rows.h"

namespace lpmc::cli {
namespace {

/// Lines captioned together: enough to keep many requests in flight, few enough to see results early.
constexpr std::size_t kLinesAtOnce = 2000;
constexpr std::size_t kMaxLineBytes = std::size_t{1} << 20;

/// Where the state of a run of lines lies; gone with the run.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::error_code error;
    std::string pattern = (std::filesystem::temp_directory_path(error) / "lpmc-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) fail_errno(display_path(pattern), errno);
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// The lines of --tags, --tags-from or standard input.
class TagLines {
 public:
  explicit TagLines(const TagToCaptionFlags& flags) {
    if (!flags.tags.empty()) {
      one_ = flags.tags;
    } else if (!flags.tags_from.empty() && flags.tags_from != "-") {
      file_.open(flags.tags_from, std::ios::binary);
      if (!file_.is_open()) fail_errno(display_path(flags.tags_from), errno);
      name_ = display_path(flags.tags_from);
      stream_ = &file_;
    } else {
      name_ = "standard input";
      stream_ = &std::cin;
    }
  }

  /// The next lines that hold tags. Empty at the end.
  std::vector<TagRecord> next(std::size_t most) {
    std::vector<TagRecord> records;
    std::string line;
    while (records.size() < most && next_line(line)) {
      TagRecord record;
      record.id = fmt::format("{}", line_);
      record.tags = split(line);
      if (!record.tags.empty()) records.push_back(std::move(record));
    }
    return records;
  }

 private:
  bool next_line(std::string& line) {
    ++line_;
    if (stream_ == nullptr) return line_ == 1 && (line = one_, true);
    if (!std::getline(*stream_, line)) return false;
    LPMC_REQUIRE(line.size() <= kMaxLineBytes, invalid_argument,
                 "{}: line {}: expected at most {} bytes, found {}", name_, line_, kMaxLineBytes,
                 line.size());
    return true;
  }

  /// "a, b, c", or a list as Python or JSON writes it.
  std::vector<std::string> split(const std::string& line) const {
    std::vector<std::string> tags;
    if (const auto list = line.starts_with('[') ? parse_python_list(line) : std::nullopt; list) {
      tags = *list;
    } else {
      for (std::size_t begin = 0; begin <= line.size();) {
        const std::size_t end = std::min(line.find(',', begin), line.size());
        tags.push_back(line.substr(begin, end - begin));
        begin = end + 1;
      }
    }
    std::size_t too_long = 0;
    tags = clean_tags(std::move(tags), too_long);
    if (too_long > 0)
      log(LogLevel::warning, "line {}: {} tags of over {} bytes left out", line_, too_long, kMaxTagBytes);
    return tags;
  }

  std::string one_, name_;
  std::ifstream file_;
  std::istream* stream_ = nullptr;
  std::size_t line_ = 0;
};

/// Prints results as they stand in a store.
class LinePrinter {
 public:
  LinePrinter(const TagToCaptionFlags& flags, const LlmChoice& choice, const std::vector<Prompt>& prompts)
      : as_json_(flags.format != "text"), baseline_(choice.is_baseline()), prompts_(prompts) {}

  void print(const JobStore& store) {
    store.for_each([&](const StoredCaption& item) { print(item); });
    std::fflush(stdout);
  }
  std::size_t failed() const { return failed_; }

 private:
  void print(const StoredCaption& item) {
    if (item.state == JobState::waiting || item.state == JobState::taken) return;  // interrupted
    const bool done = item.state == JobState::done;
    if (!done) {
      ++failed_;
      log(LogLevel::error, "line {}: {}: {}", item.record.id, item.prompt_id, item.error);
    }
    if (as_json_) {
      print_json(item, done);
    } else if (done) {
      fmt::print("{}{}\n----------\n{}\n", first_ ? "" : "\n", question(item), tree_text(item.result));
      first_ = false;
    }
  }

  /// The baselines ask nobody anything: their tags stand in the query's place.
  std::string question(const StoredCaption& item) const {
    const auto prompt = std::find_if(prompts_.begin(), prompts_.end(),
                                     [&](const Prompt& p) { return p.id == item.prompt_id; });
    if (baseline_ || prompt == prompts_.end()) return fmt::format("{}", fmt::join(item.record.tags, ", "));
    return make_query(*prompt, item.record.tags);
  }

  void print_json(const StoredCaption& item, bool done) const {
    auto json = nlohmann::ordered_json::parse(detail::export_json_row(item, {}));
    json["query"] = baseline_ ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(question(item));
    if (!done) json["error"] = {{"kind", "remote"}, {"message", replace_invalid_utf8(item.error)}};
    fmt::print("{}\n", json.dump());
  }

  bool as_json_, baseline_, first_ = true;
  const std::vector<Prompt>& prompts_;
  std::size_t failed_ = 0;
};

/// What the limits of the whole run leave for the lines to come. @return false when that is nothing
bool lower_limits(RunLimits& limits, const StoreSpending& spent) {
  if (limits.max_cost > 0) {
    limits.max_cost -= spent.cost_usd;
    if (limits.max_cost <= 0) return false;
  }
  if (limits.max_tokens_total > 0) {
    limits.max_tokens_total -= spent.prompt_tokens + spent.completion_tokens;
    if (limits.max_tokens_total <= 0) return false;
  }
  return true;
}

}  // namespace

int caption_lines(TagToCaptionFlags& flags) {
  const TwoInterrupts interrupts = watch_two_interrupts();
  const Secret key = take_api_key(flags.api_key_file);
  const LlmChoice choice = choose_llm(flags, key);
  const std::vector<Prompt> prompts = chosen_prompts(flags);
  const CaptionRules checked(flags, nullptr);
  TagLines lines(flags);
  if (flags.dry_run) {
    return print_estimate(flags, choice, [&](const auto& add) {
      for (auto records = lines.next(kLinesAtOnce); !records.empty(); records = lines.next(kLinesAtOnce)) {
        for (const TagRecord& record : records)
          add(record.tags);
      }
    });
  }
  std::vector<TagRecord> records = lines.next(kLinesAtOnce);
  LPMC_REQUIRE(!records.empty(), invalid_argument, "tags: expected at least one, found none");
  const LanguageModel model(choice, flags, key, interrupts.first);
  LinePrinter printer(flags, choice, prompts);
  const TemporaryFolder folder;
  RunEnd end = RunEnd::all_done;
  for (int part = 0; !records.empty(); ++part, records = lines.next(kLinesAtOnce)) {
    JobStore store(folder / fmt::format("{}.sqlite", part));
    store.add(records, prompts);
    end = run_store(store, model, flags, interrupts);
    printer.print(store);
    if (end != RunEnd::all_done && end != RunEnd::some_failed) break;
    if (!lower_limits(flags.limits, store.spending())) {
      end = flags.limits.max_cost < 0 ? RunEnd::cost_reached : RunEnd::tokens_reached;
      break;
    }
  }
  const int code = end_of_run(end);
  return code == kAllDone && printer.failed() > 0 ? kSomeFailed : code;
}

}  // namespace lpmc::cli
