#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "lpmc/tag_to_caption/job_store.h"
#include "lpmc/tag_to_caption/prompts.h"

namespace lpmc {

// What a run made, for others to read. Everything is UTF-8 with "\n" line ends, in the order of the source,
// and equal captions give equal bytes: what differs between two runs (times, latencies) is left out unless
// asked for. A file is there whole or not at all.

enum class ExportFormat {
  jsonl,      ///< a caption a line, with all that is known of how it was made
  csv,        ///< the same as RFC 4180 with a header; lists are JSON arrays
  parquet,    ///< the same as a table, in a build with Arrow; sampling and validation are JSON as text
  tree,       ///< the original's {dataset}/{prompt}/{split}/{id}.txt under the output folder
  hf,         ///< a Hugging Face data set: {split}/metadata.jsonl, a record a line, and README.md, its card
  manifest,   ///< what `lpmc train --manifest` reads, a record a line
  inference,  ///< what `lpmc evaluate` reads, in the shape of the original's inference.json: one task's
              ///< captions beside those that people wrote
};

/// "jsonl", "csv", "parquet", "tree", "hf", "manifest", "inference".
/// @throws Error(invalid_argument) listing the names; Error(unsupported) for "parquet" in a build without
/// Arrow
ExportFormat parse_export_format(std::string_view name);

struct ExportOptions {
  bool failed = false;
  bool times = false;
  bool overwrite = false;
  std::string license;
  std::string dataset;
  std::string task = {};   ///< "" = all
  std::string split = {};  ///< names separated by commas; "" = all
};

template <class Field>
void visit(ExportOptions& o, Field&& field) {
  field("with-failed", o.failed, "jsonl, csv, parquet: failed and dropped jobs too, with their errors");
  field("with-times", o.times, "jsonl, csv, parquet: when each caption was written and how long it took");
  field("overwrite", o.overwrite, "tree: replace files whose text differs");
  field("license", o.license, "hf: the license the card states");
  field("dataset-name", o.dataset, "tree, hf: the data set's name");
  field("task", o.task, "only the captions of this prompt");
  field("split", o.split, "only these splits, separated by commas");
}

struct ExportCounts {
  std::uint64_t captions = 0;   ///< written
  std::uint64_t records = 0;    ///< with at least one line, row or file
  std::uint64_t left_out = 0;   ///< jobs that are not done (or failed, without `failed`)
  std::uint64_t unchanged = 0;  ///< tree: files that were there with the same text
  std::uint64_t kept =
      0;  ///< tree: files that were there with another text, left as they are (no `overwrite`)
};

/// Calls its argument for every job, in an order that does not change: JobStore::for_each. Jobs of a record
/// follow each other. It may be run through twice.
using StoredCaptions = std::function<void(const std::function<void(const StoredCaption&)>&)>;

/// Those of the options' task and splits.
StoredCaptions select_captions(StoredCaptions source, const ExportOptions& options);

/// Writes what select_captions() leaves. jsonl, csv, parquet, manifest and inference go to a file (or pipe),
/// tree and hf into a folder, made where needed.
/// @param prompts for the card of hf: their texts
/// @throws Error(io, not_found, invalid_argument) naming the file; Error(invalid_argument) for inference of
/// several tasks at once, or of records without captions that people wrote
ExportCounts export_captions(const StoredCaptions& source, ExportFormat format,
                             const std::filesystem::path& output, const ExportOptions& options,
                             std::span<const Prompt> prompts);

/// The text of a caption's file in the original's tree: the caption; where attributes were predicted, the
/// dictionary that the original keeps as the model wrote it, here as JSON that is a Python dictionary too. No
/// line end.
std::string tree_text(const JobResult& result);

}  // namespace lpmc
