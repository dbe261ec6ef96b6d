#include "lpmc/cli/evaluate_parts.h"

#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/cli/terminal.h"
#include "lpmc/dataset/parquet_table.h"
#include "lpmc/evaluation/train_captions.h"

namespace lpmc::cli {
namespace {

bool is_parquet(const std::string& file) {
  std::array<char, 4> start{};
  std::error_code error;  // a pipe would lose what is looked at
  if (!std::filesystem::is_regular_file(file, error)) return false;
  return std::ifstream(file, std::ios::binary).read(start.data(), start.size()) &&
         std::string_view(start.data(), start.size()) == "PAR1";
}

/// The rows as lines of JSON, which the folder evaluation reads.
std::string parquet_as_lines(const std::string& file) {
  std::string lines;
  read_parquet_rows(file, [&](const nlohmann::json& row, std::uint64_t) { lines += row.dump() + "\n"; });
  return lines;
}

}  // namespace

EvaluateParts::EvaluateParts(EvaluateFlags& flags) {
  read_train_captions(flags);
  open_wordnet(flags);
  open_bertscore(flags);
  if (!flags.abbreviations.empty()) {
    parts_.abbreviations = Abbreviations::read(flags.abbreviations);
    facts_.emplace_back("abbreviations", flags.abbreviations);
  }
  if (flags.tags.empty()) {
    parts_.tag_scores.reason = "needs the clips' tags (--tags)";
  } else {
    add_tag_scores(parts_, flags.tags);
    facts_.emplace_back("tags", flags.tags);
  }
}

void EvaluateParts::read_train_captions(const EvaluateFlags& flags) {
  if (flags.train_captions.empty()) {
    parts_.train_captions.reason = "needs the training captions (--train-captions)";
    return;
  }
  parts_.train_captions.part =
      is_parquet(flags.train_captions)
          ? parse_train_captions(parquet_as_lines(flags.train_captions), display_path(flags.train_captions),
                                 flags.train_split)
          : lpmc::read_train_captions(flags.train_captions, flags.train_split);
  facts_.emplace_back("train_captions", flags.train_captions);
  facts_.emplace_back("train_captions_read", fmt::format("{}", parts_.train_captions.part->size()));
}

void EvaluateParts::open_wordnet(const EvaluateFlags& flags) {
  const std::optional<std::filesystem::path> folder =
      flags.wordnet.empty() ? WordNet::find() : std::optional<std::filesystem::path>(flags.wordnet);
  if (!folder) {
    parts_.wordnet_reason = "needs WordNet 3.0 (Debian's wordnet-base, or --wordnet DIR)";
    return;
  }
  wordnet_.emplace(*folder);
  parts_.wordnet = &*wordnet_;
  facts_.emplace_back("wordnet_version", wordnet_->version());
}

void EvaluateParts::open_bertscore(EvaluateFlags& flags) {
  if (!flags.bertscore) {
    parts_.bert_score.reason = "--no-bertscore";
    return;
  }
  BertScoreOptions options;
  flags.bertscore_options.apply_to(options);
  try {
    scorer_ = std::make_shared<const BertScorer>(options);
  } catch (const Error& error) {
    // A model that the user named must be there; the usual one may not have been fetched.
    if (error.kind() != ErrorKind::not_found || flags.bertscore_options.given("bertscore-model")) throw;
    parts_.bert_score.reason = error.what();
    return;
  }
  parts_.bert_score_definition = scorer_->definition();
  parts_.bert_score_idf = options.bertscore_idf;
  parts_.bert_score.part = [scorer = scorer_, common = flags.common](std::span<const ClipCaptions> clips) {
    Progress progress(common.progress, common.quiet);
    std::vector<BertScoreValue> values = scorer->score(clips, [&](std::size_t done) {
      progress.update([&] {
        return ProgressLine{fmt::format("BERTScore: {}/{} clips", done, clips.size()),
                            fmt::format(R"({{"bertscore_done":{},"clips":{}}})", done, clips.size())};
      });
    });
    progress.clear();
    return values;
  };
}

}  // namespace lpmc::cli
