#include "lpmc/evaluation/html_parts.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "lpmc/base/error.h"
#include "lpmc/base/mapped_file.h"
#include "lpmc/base/utf8.h"

namespace lpmc {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kAudioTypes = {
    {{".mp3", "audio/mpeg"},
     {".wav", "audio/wav"},
     {".flac", "audio/flac"},
     {".ogg", "audio/ogg"},
     {".opus", "audio/ogg"},
     {".m4a", "audio/mp4"},
     {".aac", "audio/aac"},
     {".webm", "audio/webm"}}};

constexpr std::size_t kMostAudioBytes = std::size_t{64} << 20;

std::string base64(std::span<const std::byte> bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8 | (k < count ? std::to_integer<std::uint32_t>(bytes[i + k]) : 0);
    for (std::size_t k = 0; k < 4; ++k)
      text += k <= count ? kDigits[group >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

std::string_view audio_type(const std::filesystem::path& file) {
  std::string extension = file.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const auto& [known, type] : kAudioTypes) {
    if (extension == known) return type;
  }
  return "application/octet-stream";
}

bool is_file(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string escaped;
  for (const char c : replace_invalid_utf8(text)) {
    switch (c) {
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '&':
        escaped += "&amp;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
    }
  }
  return escaped;
}

std::string escape_script_json(std::string_view json) {
  std::string escaped;
  for (const char c : json)
    c == '<' ? escaped += "\\u003c" : escaped += c;
  return escaped;
}

std::string histogram_figure(std::span<const double> values, std::size_t bins, std::string_view title) {
  constexpr double kWidth = 640, kHeight = 160, kAxis = 20;
  if (values.empty()) return {};
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  const double width = (*most - *least) / static_cast<double>(bins);
  std::vector<std::size_t> counts(bins);
  for (const double value : values) {
    const double place = width > 0 ? (value - *least) / width : 0;
    ++counts[std::min(bins - 1, static_cast<std::size_t>(std::max(place, 0.0)))];
  }
  const auto highest = static_cast<double>(*std::max_element(counts.begin(), counts.end()));
  const double step = kWidth / static_cast<double>(bins);
  std::string svg = fmt::format(
      "<figure><figcaption>{0}</figcaption><svg viewBox=\"0 0 {1} {2}\" role=\"img\" aria-label=\"{0}\">\n",
      escape_html(title), kWidth, kHeight + kAxis);
  for (std::size_t i = 0; i < bins; ++i) {
    const double height = kHeight * static_cast<double>(counts[i]) / highest;
    const double from = *least + width * static_cast<double>(i);
    svg += fmt::format(
        "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"><title>{:.4g} to {:.4g}: "
        "{}</title></rect>\n",
        step * static_cast<double>(i) + 1, kHeight - height, step - 2, height, from, from + width, counts[i]);
  }
  return svg + fmt::format(
                   "<text x=\"0\" y=\"{0}\">{1:.4g}</text><text x=\"{2}\" y=\"{0}\" "
                   "text-anchor=\"end\">{3:.4g}</text></svg></figure>\n",
                   kHeight + kAxis - 5, *least, kWidth, *most);
}

std::filesystem::path find_audio(const ClipCaptions& clip, const std::filesystem::path& folder) {
  if (!clip.audio.empty()) {
    const std::filesystem::path own = folder / clip.audio;  // an absolute path replaces the folder
    return is_file(own) ? own : std::filesystem::path();
  }
  if (folder.empty() || clip.id.empty() || clip.id.find('/') != std::string::npos) return {};
  if (is_file(folder / clip.id)) return folder / clip.id;
  for (const auto& [extension, type] : kAudioTypes) {
    std::filesystem::path file = folder / (clip.id + std::string(extension));
    if (is_file(file)) return file;
  }
  return {};
}

std::string audio_link(const std::filesystem::path& file, const std::filesystem::path& page_folder) {
  const auto absolute = [](const std::filesystem::path& path) {
    return std::filesystem::absolute(path).lexically_normal();
  };
  const std::filesystem::path relative =
      absolute(file).lexically_relative(absolute(page_folder.empty() ? "." : page_folder));
  std::string link;
  for (const char c : relative.generic_string()) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = std::isalnum(byte) != 0 || std::string_view("/-._~").find(c) != std::string_view::npos;
    link += plain ? std::string(1, c) : fmt::format("%{:02X}", byte);
  }
  return link;
}

std::string audio_data_url(const std::filesystem::path& file) {
  const MappedFile mapped(file);
  LPMC_REQUIRE(mapped.bytes().size() <= kMostAudioBytes, unsupported,
               "{}: expected at most 64 MiB of audio to put into a page, found {} bytes", display_path(file),
               mapped.bytes().size());
  return fmt::format("data:{};base64,{}", audio_type(file), base64(mapped.bytes()));
}

}  // namespace lpmc
