// The formats of a line or row a segment: text, csv, and the original's print-out.

#include <fmt/ranges.h>

#include "lpmc/base/utf8.h"
#include "lpmc/captioning/format_parts.h"
#include "lpmc/captioning/plain_text.h"
#include "lpmc/captioning/python_repr.h"
#include "lpmc/captioning/timecodes.h"

namespace lpmc::detail {
namespace {

/// RFC 4180: quotes where the field holds a separator, a quote or a line end.
std::string csv_field(std::string_view bytes) {
  std::string field = replace_invalid_utf8(bytes);
  if (field.find_first_of(",\"\r\n") == std::string::npos) return field;
  return '"' + replace_all(std::move(field), "\"", "\"\"") + '"';
}

/// One row: the segment's candidate of this rank (from 0), or nothing for a segment without any.
std::string csv_row(const FileCaptions& captions, const Segment& segment, std::size_t rank,
                    const FormatOptions& options) {
  const bool found = rank < segment.candidates.size();
  std::string row = fmt::format(
      "{},{},{},{},{},{},{}", csv_field(captions.file.native()), rounded_to_milliseconds(segment.start_s),
      rounded_to_milliseconds(segment.end_s), time_range_label(segment.start_s, segment.end_s),
      found ? csv_field(segment.candidates[rank].text) : "",
      found ? fmt::format("{:.6f}", segment.candidates[rank].score) : "", segment.silent);
  if (options.candidates) row += found ? fmt::format(",{}", rank + 1) : ",";
  if (options.tokens) row += "," + (found ? joined_tokens(segment.candidates[rank]) : "");
  if (options.track) row += "," + csv_field(captions.track_caption);
  return row + "\n";
}

}  // namespace

std::string joined_tokens(const Candidate& candidate) {
  return fmt::format("{}", fmt::join(candidate.tokens, " "));
}

std::string shown_caption(const Candidate& candidate) {
  return candidate.text.empty() ? joined_tokens(candidate) : one_line(candidate.text);
}

std::string shown_caption(const Segment& segment) {
  return segment.candidates.empty() ? std::string() : shown_caption(segment.candidates.front());
}

std::string text_lines(const FileCaptions& captions, const FormatOptions& options) {
  if (captions.failure) return {};
  std::string lines;
  for (const Segment& segment : captions.segments) {
    const std::string time = time_range_label(segment.start_s, segment.end_s);
    if (segment.silent) {
      lines += fmt::format("[{}] (silence)\n", time);
    } else if (options.candidates) {
      for (const Candidate& candidate : segment.candidates) {
        lines += fmt::format("[{}] ({:.6f}) {}\n", time, candidate.score, shown_caption(candidate));
      }
    } else {
      lines += fmt::format("[{}] {}\n", time, shown_caption(segment));
    }
  }
  if (options.track && !captions.track_caption.empty())
    lines += fmt::format("[track] {}\n", one_line(captions.track_caption));
  return lines;
}

std::string csv_header(const FormatOptions& options) {
  return fmt::format("file,start_s,end_s,time,text,score,silent{}{}{}\n", options.candidates ? ",rank" : "",
                     options.tokens ? ",tokens" : "", options.track ? ",track_caption" : "");
}

std::string csv_rows(const FileCaptions& captions, const FormatOptions& options) {
  std::string rows;
  if (captions.failure) return rows;
  for (const Segment& segment : captions.segments) {
    const std::size_t ranks = options.candidates ? std::max<std::size_t>(segment.candidates.size(), 1) : 1;
    for (std::size_t rank = 0; rank < ranks; ++rank)
      rows += csv_row(captions, segment, rank, options);
  }
  return rows;
}

// Source: lp-music-caps lpmc/music_captioning/captioning.py, print(item) of each segment.
// Kept on purpose: a segment's number times ten stands where the minutes belong.
std::string original_lines(const FileCaptions& captions) {
  std::string lines;
  if (captions.failure) return lines;
  for (std::size_t i = 0; i < captions.segments.size(); ++i) {
    lines += fmt::format("{{'text': {}, 'time': '{}:00-{}:00'}}\n", python_repr(captions.segments[i].text()),
                         i * 10, (i + 1) * 10);
  }
  return lines;
}

}  // namespace lpmc::detail
