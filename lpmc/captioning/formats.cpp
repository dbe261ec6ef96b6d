#include "lpmc/captioning/formats.h"

#include <algorithm>
#include <array>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/captioning/format_parts.h"

namespace lpmc {
namespace {

struct FormatEntry {
  CaptionFormat format;
  std::string_view name;
  std::string_view extension;
};

constexpr std::array kFormats = {
    FormatEntry{CaptionFormat::text, "text", "txt"},     FormatEntry{CaptionFormat::json, "json", "json"},
    FormatEntry{CaptionFormat::jsonl, "jsonl", "jsonl"}, FormatEntry{CaptionFormat::csv, "csv", "csv"},
    FormatEntry{CaptionFormat::srt, "srt", "srt"},       FormatEntry{CaptionFormat::vtt, "vtt", "vtt"},
    FormatEntry{CaptionFormat::lrc, "lrc", "lrc"},
};

const FormatEntry* entry_of(CaptionFormat format) {
  const auto* found = std::find_if(kFormats.begin(), kFormats.end(),
                                   [&](const FormatEntry& e) { return e.format == format; });
  return found == kFormats.end() ? nullptr : found;
}

template <class Member>
std::string joined(Member member) {
  std::string names;
  for (const FormatEntry& entry : kFormats) {
    if (!names.empty()) names += ", ";
    names += entry.*member;
  }
  return names;
}

/// The file's text without anything that a stream puts around it.
std::string file_text(const FileCaptions& captions, CaptionFormat format, const FormatOptions& options) {
  switch (format) {
    case CaptionFormat::text:
      return detail::text_lines(captions, options);
    case CaptionFormat::json:
      return detail::json_object(captions, options, true);
    case CaptionFormat::jsonl:
      return detail::json_object(captions, options, false);
    case CaptionFormat::csv:
      return detail::csv_rows(captions, options);
    case CaptionFormat::srt:
      return detail::srt_document(captions);
    case CaptionFormat::vtt:
      return detail::vtt_document(captions);
    case CaptionFormat::lrc:
      return detail::lrc_document(captions);
    case CaptionFormat::original:
      return detail::original_lines(captions);
  }
  return {};
}

}  // namespace

std::string_view to_string(CaptionFormat format) {
  const FormatEntry* entry = entry_of(format);
  return entry == nullptr ? "original" : entry->name;
}

CaptionFormat parse_caption_format(std::string_view name) {
  for (const FormatEntry& entry : kFormats) {
    if (entry.name == name) return entry.format;
  }
  fail(ErrorKind::invalid_argument, "format: expected one of {}, found '{}'", caption_format_names(),
       display_path(name));
}

std::optional<CaptionFormat> caption_format_of_extension(std::string_view extension) {
  if (extension.starts_with('.')) extension.remove_prefix(1);
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; };
  for (const FormatEntry& entry : kFormats) {
    if (std::equal(extension.begin(), extension.end(), entry.extension.begin(), entry.extension.end(),
                   same)) {
      return entry.format;
    }
  }
  return std::nullopt;
}

std::string caption_format_names() {
  return joined(&FormatEntry::name);
}
std::string caption_extension_names() {
  return joined(&FormatEntry::extension);
}

std::string_view extension_of(CaptionFormat format) {
  const FormatEntry* entry = entry_of(format);
  return entry == nullptr ? "txt" : entry->extension;
}

bool format_is_per_file(CaptionFormat format) {
  return format == CaptionFormat::srt || format == CaptionFormat::vtt || format == CaptionFormat::lrc;
}

std::string caption_document(const FileCaptions& captions, CaptionFormat format,
                             const FormatOptions& options) {
  std::string document = format == CaptionFormat::csv ? detail::csv_header(options) : std::string();
  return document + file_text(captions, format, options);
}

CaptionStream::CaptionStream(CaptionFormat format, const FormatOptions& options)
    : format_(format), options_(options) {
  LPMC_REQUIRE(
      !(options.several_files && format_is_per_file(format)), invalid_argument,
      "format {}: expected one input, found several; its times belong to one recording (write a file "
      "for each input, or choose another format)",
      to_string(format));
}

std::string CaptionStream::begin() const {
  if (format_ == CaptionFormat::csv) return detail::csv_header(options_);
  if (format_ == CaptionFormat::json && options_.several_files) return "[";
  return {};
}

std::string CaptionStream::add(const FileCaptions& captions) {
  const bool one_document = format_ == CaptionFormat::json || format_is_per_file(format_);
  LPMC_REQUIRE(files_ == 0 || options_.several_files || !one_document, invalid_argument,
               "format {}: expected one input, found a second one: {}", to_string(format_),
               display_path(captions.file));
  ++files_;
  if (captions.failure && format_ != CaptionFormat::json && format_ != CaptionFormat::jsonl) return {};
  std::string text = file_text(captions, format_, options_);
  if (!options_.several_files) return text;
  if (format_ == CaptionFormat::json) {
    text.pop_back();  // its line end follows the comma or the bracket
    return (files_ == 1 ? "\n" : ",\n") + text;
  }
  if (format_ == CaptionFormat::text) {
    text = fmt::format("{}==> {} <==\n{}", wrote_text_ ? "\n" : "", display_path(captions.file), text);
    wrote_text_ = true;
  }
  return text;
}

std::string CaptionStream::end() const {
  if (format_ == CaptionFormat::json && options_.several_files) return files_ == 0 ? "]\n" : "\n]\n";
  return {};
}

}  // namespace lpmc
