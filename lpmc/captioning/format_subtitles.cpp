// The formats that a player shows along with the sound: srt, vtt, lrc.

#include <algorithm>

#include "lpmc/base/utf8.h"
#include "lpmc/captioning/format_parts.h"
#include "lpmc/captioning/plain_text.h"
#include "lpmc/captioning/timecodes.h"

namespace lpmc::detail {
namespace {

/// Calls show(start_s, end_s, line) for every segment that has a caption. A cue must end after it
/// starts, so it lasts a millisecond at least.
template <class Show>
void for_each_cue(const FileCaptions& captions, Show&& show) {
  constexpr double kShortest_s = 0.001;
  if (captions.failure) return;
  for (const Segment& segment : captions.segments) {
    const std::string line = segment.silent ? std::string() : shown_caption(segment);
    if (line.empty()) continue;
    show(segment.start_s, std::max(segment.end_s, std::max(segment.start_s, 0.0) + kShortest_s), line);
  }
}

}  // namespace

std::string srt_document(const FileCaptions& captions) {
  std::string document;
  int number = 0;
  for_each_cue(captions, [&](double start_s, double end_s, const std::string& line) {
    // The format has no escape; a reader that looks for the arrow must not find one in a caption.
    document += fmt::format("{}\n{} --> {}\n{}\n\n", ++number, subtitle_time(start_s, ','),
                            subtitle_time(end_s, ','), replace_all(line, "-->", "- ->"));
  });
  return document;
}

std::string vtt_document(const FileCaptions& captions) {
  std::string document = "WEBVTT\n\n";
  document += fmt::format("NOTE {}\n\n", replace_all(one_line(display_path(captions.file)), "-->", "- ->"));
  for_each_cue(captions, [&](double start_s, double end_s, std::string line) {
    line = replace_all(std::move(line), "&", "&amp;");
    line = replace_all(std::move(line), "<", "&lt;");
    line = replace_all(std::move(line), ">", "&gt;");
    document +=
        fmt::format("{} --> {}\n{}\n\n", subtitle_time(start_s, '.'), subtitle_time(end_s, '.'), line);
  });
  return document;
}

std::string lrc_document(const FileCaptions& captions) {
  std::string document;
  double shown_until_s = 0;  // where the last caption ends
  bool showing = false;
  for_each_cue(captions, [&](double start_s, double end_s, std::string line) {
    // A player shows a line until the next one: an empty line ends it where a silence follows.
    if (showing && to_milliseconds(shown_until_s) < to_milliseconds(start_s)) {
      document += fmt::format("[{}]\n", lyrics_time(shown_until_s));
    }
    std::replace(line.begin(), line.end(), '[', '(');  // brackets hold times and tags
    std::replace(line.begin(), line.end(), ']', ')');
    document += fmt::format("[{}]{}\n", lyrics_time(start_s), line);
    shown_until_s = end_s;
    showing = true;
  });
  if (showing) document += fmt::format("[{}]\n", lyrics_time(shown_until_s));
  return document;
}

}  // namespace lpmc::detail
