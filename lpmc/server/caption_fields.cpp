#include "lpmc/server/caption_fields.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <type_traits>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "lpmc/base/error.h"
#include "lpmc/base/fields.h"
#include "lpmc/base/utf8.h"
#include "lpmc/captioning/captioner.h"

namespace lpmc {
namespace {

constexpr std::size_t kShownBytes = 60;

std::string shown(std::string_view text) {
  return replace_invalid_utf8(std::string(text.substr(0, kShownBytes))) +
         (text.size() > kShownBytes ? "..." : "");
}

[[noreturn]] void wrong(std::string_view key, std::string_view expected, std::string_view found) {
  fail(ErrorKind::invalid_argument, "{}: expected {}, found '{}'", key, expected, shown(found));
}

template <class Number>
Number parse_number(std::string_view key, std::string_view text, std::string_view expected) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) wrong(key, expected, text);
  return number;
}

template <class T>
void assign_text(std::string_view key, T& value, const std::string& text) {
  if constexpr (std::is_same_v<T, bool>) {
    const bool yes = text == "true" || text == "1" || text == "on" || text == "yes";
    const bool no = text == "false" || text == "0" || text == "off" || text == "no";
    if (!yes && !no) wrong(key, "true or false", text);
    value = yes;
  } else if constexpr (std::is_integral_v<T>) {
    value = parse_number<T>(key, text, "a whole number");
  } else if constexpr (std::is_floating_point_v<T>) {
    value = parse_number<T>(key, text, "a number");
    if (!std::isfinite(value)) wrong(key, "a number", text);
  } else {
    value = text;
  }
}

template <class T>
void assign_json(std::string_view key, T& value, const nlohmann::json& json) {
  if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    const double number = json.is_number() ? json.get<double>() : 0;
    if (number > static_cast<double>(std::numeric_limits<T>::max()))
      wrong(key, "a smaller number", json.dump());
  }
  assign_from_json(value, json, key);
}

}  // namespace

std::vector<std::string> response_formats() {
  return {"json", "text", "srt", "vtt", "lrc", "csv", "jsonl"};
}

CaptionFormat parse_response_format(const std::string& name) {
  const auto known = response_formats();
  if (std::find(known.begin(), known.end(), name) == known.end())
    wrong("response_format", fmt::format("{}", fmt::join(known, ", ")), name);
  return parse_caption_format(name);
}

std::string_view content_type_of(CaptionFormat format) {
  switch (format) {
    case CaptionFormat::json:
      return "application/json";
    case CaptionFormat::jsonl:
      return "application/jsonl";
    case CaptionFormat::csv:
      return "text/csv; charset=utf-8";
    case CaptionFormat::srt:
      return "application/x-subrip; charset=utf-8";
    case CaptionFormat::vtt:
      return "text/vtt; charset=utf-8";
    case CaptionFormat::text:
    case CaptionFormat::lrc:
    case CaptionFormat::original:
      return "text/plain; charset=utf-8";
  }
  return "text/plain; charset=utf-8";
}

template <class Assign>
void CaptionFields::assign(std::string_view name, const Assign& assign_value) {
  const std::string key = json_key(name);
  bool known = false;
  const auto field = [&](std::string_view option, auto& value, std::string_view) {
    if (!is_request_field(option) || json_key(option) != key) return;
    known = true;
    assign_value(key, value);
  };
  visit(caption_, field);
  visit(generation_, field);
  field("model", model_, "");
  field("response-format", format_, "");
  field("tokens", tokens_, "");
  LPMC_REQUIRE(known, invalid_argument, "{}: there is no such field; /openapi.json lists them", shown(name));
  LPMC_REQUIRE(given_.insert(key).second, invalid_argument, "{}: expected once, found twice", key);
}

void CaptionFields::set(std::string_view name, const std::string& text) {
  assign(name, [&](const std::string& key, auto& value) { assign_text(key, value, text); });
}

void CaptionFields::set(std::string_view name, const nlohmann::json& json) {
  assign(name, [&](const std::string& key, auto& value) {
    if (!json.is_null()) assign_json(key, value, json);
  });
}

CaptionWish CaptionFields::wish(const CaptionService& service) const {
  LPMC_REQUIRE(model_.empty() || model_ == service.model_name(), not_found,
               "model: expected '{}', found '{}'", service.model_name(), shown(model_));
  CaptionWish wish;
  wish.format = parse_response_format(format_);
  wish.caption = caption_;
  const bool is_object = wish.format == CaptionFormat::json || wish.format == CaptionFormat::jsonl;
  if (is_object && !given("track")) wish.caption.track = true;
  // As `lpmc caption` makes its search of its flags.
  wish.generation = service.default_generation();
  if (generation_.sample && caption_.compat == "original") {
    wish.generation = original_sampling(wish.generation);
  } else if (generation_.sample) {
    wish.generation.num_beams = 1;
  }
  CaptionFields copy = *this;  // visit() takes what it may write
  visit(copy.generation_, [&](std::string_view name, auto& value, std::string_view) {
    if (!given(json_key(name))) return;
    visit(wish.generation, [&](std::string_view target_name, auto& target, std::string_view) {
      if constexpr (std::is_same_v<decltype(value), decltype(target)>) {
        if (target_name == name) target = value;
      }
    });
  });
  wish.format_options.tokens = tokens_;
  wish.format_options.candidates = wish.generation.n_best > 1;
  wish.format_options.track = wish.caption.track;
  LPMC_REQUIRE(service.has_vocabulary() || tokens_, invalid_argument,
               "tokens: expected true, since this model has no vocabulary and so no text, found false");
  service.check(wish.caption, wish.generation);
  return wish;
}

}  // namespace lpmc
