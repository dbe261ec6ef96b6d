#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "lpmc/evaluation/clip_captions.h"

namespace lpmc {

/// Text as it may stand in HTML, between tags or in a quoted attribute: well-formed UTF-8, markup and control
/// characters taken out of action.
std::string escape_html(std::string_view text);

/// JSON as it may stand in a <script>: "<" as \u003c.
std::string escape_script_json(std::string_view json);

/// A histogram of values as inline SVG.   @param bins at least 1
std::string histogram_figure(std::span<const double> values, std::size_t bins, std::string_view title);

/// An audio file of a clip: its own path, in `folder` where it is relative, or folder/id.EXTENSION. Empty
/// where there is no such file.
std::filesystem::path find_audio(const ClipCaptions& clip, const std::filesystem::path& folder);

/// A file as a page's link to it: percent-encoded, relative to the page's folder, so that both may move
/// together.
/// @param page_folder "" = the working folder
std::string audio_link(const std::filesystem::path& file, const std::filesystem::path& page_folder);

/// The whole file as a data: URL.
/// @throws Error(not_found, io), Error(unsupported) when it is over 64 MiB
std::string audio_data_url(const std::filesystem::path& file);

}  // namespace lpmc
