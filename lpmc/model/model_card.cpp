#include "lpmc/model/model_card.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <utility>

#include "lpmc/base/log.h"
#include "lpmc/base/utf8.h"

namespace lpmc {
namespace {

constexpr std::string_view kFence = "---";
constexpr std::string_view kKey = "lpmc_dtypes:";
constexpr std::string_view kBlank = " \t\r";

constexpr std::array<std::pair<std::string_view, DType>, 5> kNames = {{{"f32", DType::f32},
                                                                       {"bf16", DType::bf16},
                                                                       {"int8", DType::i8},
                                                                       {"float32", DType::f32},
                                                                       {"bfloat16", DType::bf16}}};

std::string_view trimmed(std::string_view text, std::string_view characters = kBlank) {
  const std::size_t begin = text.find_first_not_of(characters);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(characters) + 1 - begin);
}

/// Takes a line off `text`, without its line end, what follows " #" and the blanks at its end.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  line = line.substr(0, line.find(" #"));
  return line.substr(0, line.find_last_not_of(kBlank) + 1);
}

/// The lines between the two fences; nothing where there are not two.
std::optional<std::string_view> front_matter(std::string_view card) {
  if (card.starts_with("\xEF\xBB\xBF")) card.remove_prefix(3);
  if (take_line(card) != kFence) return std::nullopt;
  std::string_view rest = card;
  while (!rest.empty()) {
    const std::size_t begin = card.size() - rest.size();
    if (take_line(rest) == kFence) return card.substr(0, begin);
  }
  return std::nullopt;
}

/// The items of the list, raw; nothing where it is no list.
std::optional<std::vector<std::string>> list_items(std::string_view value, std::string_view rest) {
  std::vector<std::string> items;
  if (value.empty()) {  // a block list
    while (!rest.empty()) {
      const std::string_view line = trimmed(take_line(rest));
      if (!line.starts_with("- ")) break;
      items.emplace_back(line.substr(2));
    }
    return items;
  }
  if (!value.starts_with('[')) return std::nullopt;
  std::string inside(value.substr(1));
  while (inside.find(']') == std::string::npos) {
    if (rest.empty()) return std::nullopt;
    inside += ' ';
    inside += take_line(rest);
  }
  std::string_view left = std::string_view(inside).substr(0, inside.find(']'));
  while (!left.empty()) {
    const std::size_t end = std::min(left.find(','), left.size());
    if (const auto item = trimmed(left.substr(0, end)); !item.empty()) items.emplace_back(item);
    left.remove_prefix(std::min(end + 1, left.size()));
  }
  return items;
}

}  // namespace

std::optional<DType> arithmetic_of_name(std::string_view name) {
  const auto* const found = std::ranges::find(kNames, name, &std::pair<std::string_view, DType>::first);
  if (found == kNames.end()) return std::nullopt;
  return found->second;
}

std::string_view arithmetic_name(DType dtype) {
  const auto* const found = std::ranges::find(kNames, dtype, &std::pair<std::string_view, DType>::second);
  return found == kNames.end() ? to_string(dtype) : found->first;
}

std::vector<DType> vouched_dtypes(std::string_view card, std::string_view where) {
  const std::optional<std::string_view> matter = front_matter(card);
  if (!matter) {
    log(LogLevel::debug, "{}: no front matter, so it vouches for no arithmetic", where);
    return {};
  }
  std::string_view rest = *matter;
  while (!rest.empty()) {
    const std::string_view line = take_line(rest);
    if (!line.starts_with(kKey)) continue;
    const auto items = list_items(trimmed(line.substr(kKey.size())), rest);
    if (!items) break;
    std::vector<DType> dtypes;
    for (const std::string& item : *items) {
      const std::optional<DType> dtype = arithmetic_of_name(trimmed(item, " \t\r\"'"));
      if (!dtype) {
        log(LogLevel::debug, "{}: {} expected f32, bf16 or int8, found {}", where, kKey,
            replace_invalid_utf8(item));
      } else if (std::ranges::find(dtypes, *dtype) == dtypes.end()) {
        dtypes.push_back(*dtype);
      }
    }
    return dtypes;
  }
  log(LogLevel::debug, "{}: no list {} in the front matter, so it vouches for no arithmetic", where, kKey);
  return {};
}

std::string quantized_card(std::string_view card, std::string_view name, DType stored, DType dtype) {
  std::filesystem::path source(name);
  if (!source.has_filename()) source = source.parent_path();  // "folder/"
  const std::string source_name = source.filename().string();
  std::string text = card.empty() ? fmt::format("# {}\n", source_name) : std::string(card);
  if (!text.ends_with('\n')) text += '\n';
  const std::string_view how = dtype == DType::i8 ? "int8, each output feature (row) with one "
                                                    "float32\nscale, its largest magnitude / 127, rounded to "
                                                    "nearest, ties to even"
                                                  : "bfloat16, rounded to nearest, ties to\neven";
  return text + fmt::format(
                    "\n## Quantized weights\n\n"
                    "Made by `lpmc model quantize` from `{}`, whose weights were {}. The matrices of linear\n"
                    "layers and convolutions and the token embedding are stored as {};\n"
                    "biases, norms and positions as float32. What the card says of storage above is about "
                    "the original.\n",
                    source_name, to_string(stored), how);
}

}  // namespace lpmc
