#pragma once

#include <string>

#include "lpmc/captioning/formats.h"

namespace lpmc::detail {

// The single formats behind formats.h. Each gives a file's whole text, ending in a line end.

/// @param pretty a segment a line, for reading; else all on one line
std::string json_object(const FileCaptions& captions, const FormatOptions& options, bool pretty);

std::string text_lines(const FileCaptions& captions, const FormatOptions& options);
std::string csv_header(const FormatOptions& options);
std::string csv_rows(const FileCaptions& captions, const FormatOptions& options);
std::string original_lines(const FileCaptions& captions);

std::string srt_document(const FileCaptions& captions);
std::string vtt_document(const FileCaptions& captions);
std::string lrc_document(const FileCaptions& captions);

/// The caption as one harmless line: its text, or its token ids ("2 0 45 2") where it has none.
std::string shown_caption(const Candidate& candidate);
/// The same of the best candidate; empty for a segment without captions.
std::string shown_caption(const Segment& segment);
/// "2 0 45 2"
std::string joined_tokens(const Candidate& candidate);

}  // namespace lpmc::detail
