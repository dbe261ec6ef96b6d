#include "lpmc/tag_to_caption/import.h"

#include <algorithm>
#include <optional>
#include <vector>

namespace lpmc {
namespace {

constexpr std::size_t kBatch = 10'000;
constexpr double kLeaseS = 600;

class Importer {
 public:
  Importer(JobStore& store, const CaptionTree& tree, std::span<const Prompt> prompts,
           const ImportOptions& options)
      : store_(store), tree_(tree), prompts_(prompts), options_(options) {}

  ImportCounts run() {
    std::uint64_t files = 0;
    for (const Prompt& prompt : prompts_)
      files += tree_.count_files(prompt.id);
    // Jobs that the tree has nothing for are held until the end: given back at once they would be taken
    // again.
    std::vector<std::int64_t> others;
    for (auto jobs = store_.take(kBatch, kLeaseS); !jobs.empty(); jobs = store_.take(kBatch, kLeaseS)) {
      for (const Job& job : jobs) {
        if (!import_job(job)) others.push_back(job.id);
      }
      store_.flush();
    }
    store_.give_back(others);
    counts_.unmatched = files - std::min(files, counts_.imported + counts_.unreadable);
    return counts_;
  }

 private:
  bool import_job(const Job& job) {
    const auto prompt = std::find_if(prompts_.begin(), prompts_.end(),
                                     [&](const Prompt& candidate) { return candidate.id == job.prompt_id; });
    const std::optional<std::string> text =
        prompt == prompts_.end() ? std::nullopt : tree_.find(job.prompt_id, job.record_id);
    if (!text) {
      ++counts_.without_file;
      return false;
    }
    const std::optional<Answer> answer =
        prompt->expects_dictionary ? parse_dictionary_answer(*text) : parse_plain_answer(*text);
    if (!answer) {
      ++counts_.unreadable;
      return false;
    }
    Attempt attempt;
    attempt.model = options_.model;
    attempt.raw_text = *text;
    attempt.finish_reason = "imported";
    attempt.time_unix_ms = options_.time_unix_ms;
    attempt.tool_version = options_.tool_version;
    store_.record_attempt(job.id, attempt);
    JobResult result{answer->caption, answer->new_attributes, ""};
    if (options_.validate) result.validation = options_.validate(*answer, job);
    store_.finish(job.id, result);
    ++counts_.imported;
    return true;
  }

  JobStore& store_;
  const CaptionTree& tree_;
  std::span<const Prompt> prompts_;
  const ImportOptions& options_;
  ImportCounts counts_;
};

}  // namespace

ImportCounts import_captions(JobStore& store, const CaptionTree& tree, std::span<const Prompt> prompts,
                             const ImportOptions& options) {
  return Importer(store, tree, prompts, options).run();
}

}  // namespace lpmc
