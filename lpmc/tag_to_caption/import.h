#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "lpmc/tag_to_caption/answer.h"
#include "lpmc/tag_to_caption/import_tree.h"
#include "lpmc/tag_to_caption/job_store.h"
#include "lpmc/tag_to_caption/prompts.h"

namespace lpmc {

struct ImportOptions {
  std::string model = "gpt-3.5-turbo";  ///< whose captions they are; the original knows no other
  std::string tool_version;
  std::int64_t time_unix_ms = 0;  ///< noted as the attempts' time
  /// Judges a caption, for the stored report; empty = not judged. Gets the caption, the prompt's id, the
  /// tags.
  std::function<std::string(const Answer&, const Job&)> validate;
};

struct ImportCounts {
  std::uint64_t imported = 0;  ///< jobs that are done now
  std::uint64_t unreadable =
      0;  ///< answers that are no dictionary where one was asked for: their jobs wait on
  std::uint64_t without_file = 0;  ///< waiting jobs that the tree has no caption for
  std::uint64_t unmatched = 0;     ///< files that no waiting job asked for: done before, or no such record
};

/// Ends the waiting jobs of the store with the captions that the original's (or our) tree has for them: what
/// it did need not be paid again. The records and their jobs must be in the store. Cut off at any instant, it
/// may be run again. With what words and sampling the model was asked is not known for certain, so the
/// attempts say nothing of it.
ImportCounts import_captions(JobStore& store, const CaptionTree& tree, std::span<const Prompt> prompts,
                             const ImportOptions& options);

}  // namespace lpmc
