#include <cstdint>
#include <memory>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "lpmc/base/error.h"
#include "lpmc/base/threads.h"
#include "lpmc/base/utf8.h"
#include "lpmc/cli/evaluate_parts.h"
#include "lpmc/dataset/tag_record.h"
#include "lpmc/tag_to_caption/validation.h"

namespace lpmc::cli {
namespace {

/// Tags of a data set by id, and by caption for files that have no ids.
class ClipTags {
 public:
  explicit ClipTags(const std::string& file) : file_(file) {
    RecordSource source;
    source.input = file;
    read_tag_records(source, [&](TagRecord&& record) {
      if (!record.caption.empty()) by_text_.emplace(std::move(record.caption), records_.size());
      by_text_.emplace(std::move(record.id), records_.size());
      records_.push_back(std::move(record.tags));
    });
  }

  /// @throws Error(invalid_argument) when the clip has no tags in the file
  const std::vector<std::string>& of(const ClipCaptions& clip, std::size_t number) const {
    auto found = by_text_.find(clip.id);
    for (std::size_t i = 0; i < clip.references.size() && found == by_text_.end(); ++i)
      found = by_text_.find(clip.references[i]);
    LPMC_REQUIRE(found != by_text_.end(), invalid_argument,
                 "{}: expected tags for clip {}{} by its id or its reference caption, found none", file_,
                 number, clip.id.empty() ? "" : " '" + display_path(clip.id) + "'");
    return records_[found->second];
  }

 private:
  std::string file_;
  std::vector<std::vector<std::string>> records_;
  std::unordered_map<std::string, std::size_t> by_text_;  // id or caption -> record
};

std::vector<TagScore> score_tags(std::span<const ClipCaptions> clips, const ClipTags& tags) {
  const MusicVocabulary vocabulary;
  const WordKnowledge words;
  const ValidationOptions options;
  std::vector<TagScore> scores(clips.size());
  parallel_for(static_cast<std::int64_t>(clips.size()), [&](std::int64_t index) {
    const auto i = static_cast<std::size_t>(index);
    CaptionToCheck item;
    item.caption = clips[i].prediction;
    item.tags = tags.of(clips[i], i + 1);
    const ValidationReport report = validate_caption(item, options, vocabulary, words);
    scores[i] = {report.coverage, !report.contradictions.empty()};
  });
  return scores;
}

}  // namespace

void add_tag_scores(EvaluationParts& parts, const std::string& file) {
  const auto tags = std::make_shared<const ClipTags>(file);
  parts.tag_scores.part = [tags](std::span<const ClipCaptions> clips) { return score_tags(clips, *tags); };
}

}  // namespace lpmc::cli
