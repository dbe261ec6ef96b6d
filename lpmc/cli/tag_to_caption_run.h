#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "lpmc/cli/interrupts.h"
#include "lpmc/cli/tag_to_caption_flags.h"
#include "lpmc/cli/tag_to_caption_llm.h"
#include "lpmc/cli/terminal.h"
#include "lpmc/dataset/tag_record.h"
#include "lpmc/tag_to_caption/answer_judge.h"
#include "lpmc/tag_to_caption/job_store.h"

namespace lpmc::cli {

/// What the flags say of good captions. It keeps the vocabulary, and must live as long as its rules are used.
class CaptionRules {
 public:
  /// @param store whose tags are the vocabulary of `--vocabulary input`; nullptr: there is none
  CaptionRules(const TagToCaptionFlags& flags, const JobStore* store);
  CaptionRules(const CaptionRules&) = delete;
  CaptionRules& operator=(const CaptionRules&) = delete;

  const AnswerRules& rules() const { return rules_; }

 private:
  std::optional<MusicVocabulary> vocabulary_;
  AnswerRules rules_;
};

/// Does the store's jobs. A local server's death is said before the error is passed on.
RunEnd run_store(JobStore& store, const LanguageModel& model, const TagToCaptionFlags& flags,
                 const TwoInterrupts& interrupts);

/// What ended a run early, on stderr; and the exit code.
int end_of_run(RunEnd end);

/// Calls `take` for every record of --input and says on stderr what was left out.
/// @throws Error(invalid_argument) when nothing is left
RecordCounts read_input(const TagToCaptionFlags& flags, const std::function<void(TagRecord&&)>& take);

/// The records of --input with their jobs, into the store. @return jobs that are new
std::int64_t add_input(JobStore& store, const TagToCaptionFlags& flags);

// The modes of the command: what `run` of the command table calls.
int caption_lines(TagToCaptionFlags& flags);
int caption_dataset(TagToCaptionFlags& flags);

/// Prints what a run would take. @param each calls its argument with every record's tags
int print_estimate(const TagToCaptionFlags& flags, const LlmChoice& choice,
                   const std::function<void(const std::function<void(std::span<const std::string>)>&)>& each);

// Sub-commands.
int print_status(TagToCaptionFlags& flags);
int write_report(TagToCaptionFlags& flags);
int export_run(TagToCaptionFlags& flags);
int import_tree(TagToCaptionFlags& flags);
int submit_batch(TagToCaptionFlags& flags);
int print_batches(TagToCaptionFlags& flags);
int collect_batch(TagToCaptionFlags& flags);

}  // namespace lpmc::cli
