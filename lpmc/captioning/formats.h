#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lpmc/captioning/captions.h"

namespace lpmc {

// Captions as text. Every format is UTF-8 with "\n" line ends, and takes files without segments,
// silent segments, failed files, and captions that are token ids only (a model without vocabulary
// files). Numbers: seconds to the millisecond, scores to six decimals.
//
//   text      [0:00-0:10] caption          one line a segment; (silence) where there is nothing to hear
//   json      one object a file as docs/caption.schema.json says; an array for several files
//   jsonl     the same object on one line
//   csv       RFC 4180 with "\n": a header row, then a row a segment
//   srt, vtt  subtitles; silent segments are left out, segments may overlap
//   lrc       [mm:ss.xx]caption; an empty line where a caption ends and none follows
//   original  what the original project's captioning.py prints, its odd times included
//
// In text, srt, vtt, lrc a caption is one line with its control characters replaced, and shows its
// token ids when it has no text.

enum class CaptionFormat { text, json, jsonl, csv, srt, vtt, lrc, original };

/// "text", "json", ...
std::string_view to_string(CaptionFormat format);

/// The format called `name`; `original` has no name here, it comes with --compat.
/// @throws Error(invalid_argument) naming the formats
CaptionFormat parse_caption_format(std::string_view name);

/// The format of files with this extension ("txt", ".json", "SRT"), if there is one.
std::optional<CaptionFormat> caption_format_of_extension(std::string_view extension);

/// Names of the formats and of the extensions, for help and messages: "text, json, ...".
std::string caption_format_names();
std::string caption_extension_names();

/// Extension of the format's files, without the dot: "txt" for text and original, else the name.
std::string_view extension_of(CaptionFormat format);

/// True for srt, vtt and lrc: such a document tells times within one recording, so several files
/// cannot share it.
bool format_is_per_file(CaptionFormat format);

struct FormatOptions {
  bool candidates = false;     ///< all candidates with their scores (--n-best over 1), not only the best
  bool tokens = false;         ///< json, jsonl, csv: the token ids too
  bool track = false;          ///< text, json, jsonl, csv: the caption of the whole track too
  bool several_files = false;  ///< a stream of more than one file: json becomes an array, text gets headers
};

/// The captions of one file as a document of its own (a sidecar, a file in an output folder);
/// `options.several_files` plays no part. A failed file gives its error object in json and jsonl and
/// a document without captions in the others: do not save that as a result.
std::string caption_document(const FileCaptions& captions, CaptionFormat format,
                             const FormatOptions& options);

/// A segment as it stands in json's "segments", on one line.
std::string segment_object(const Segment& segment, const FormatOptions& options);

/// The captions of one or several files as one stream (stdout, -o FILE), a piece at a time, so that
/// nothing needs to be held: write begin(), add() of each file, end().
class CaptionStream {
 public:
  /// @throws Error(invalid_argument) when several files are to share a format that is per file
  CaptionStream(CaptionFormat format, const FormatOptions& options);

  std::string begin() const;
  /// The next file: all of its text, or nothing for a failed file in a format other than json, jsonl.
  /// @throws Error(invalid_argument) for a second file where `several_files` was not announced
  ///   (json, srt, vtt, lrc)
  std::string add(const FileCaptions& captions);
  std::string end() const;

 private:
  CaptionFormat format_;
  FormatOptions options_;
  std::size_t files_ = 0;    // added
  bool wrote_text_ = false;  // of some file, in format text
};

}  // namespace lpmc
