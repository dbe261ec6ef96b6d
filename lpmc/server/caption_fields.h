#pragma once

#include <set>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "lpmc/captioning/caption_service.h"
#include "lpmc/captioning/formats.h"
#include "lpmc/captioning/options.h"

namespace lpmc {

/// How a file is to be captioned and answered: what the fields of a request come to.
struct CaptionWish {
  CaptionOptions caption;
  GenerationOptions generation;
  CaptionFormat format = CaptionFormat::json;
  FormatOptions format_options;
};

/// The fields of a request, under the flags' names with "_" or "-". Lists, types and defaults are those of
/// CaptionOptions and GenerationOptions; `model`, `response_format` and `tokens` come on top.
class CaptionFields {
 public:
  /// A field of a form.
  /// @throws Error(invalid_argument) for a name that is none, one given twice, text that is no such value
  void set(std::string_view name, const std::string& text);
  /// A member of a JSON body; null says nothing.
  void set(std::string_view name, const nlohmann::json& value);

  /// @throws Error(invalid_argument) for what makes no sense, Error(not_found) for another model
  CaptionWish wish(const CaptionService& service) const;

 private:
  template <class Assign>
  void assign(std::string_view name, const Assign& assign_value);
  bool given(std::string_view key) const { return given_.contains(key); }

  CaptionOptions caption_;
  GenerationOptions generation_;
  std::string model_, format_ = "json";
  bool tokens_ = false;
  std::set<std::string, std::less<>> given_;  // by JSON key
};

/// Whether a request may set this field of CaptionOptions: what concerns the whole server it may not.
inline bool is_request_field(std::string_view option) {
  return option != "batch-size";
}

/// The formats of answers: "json", "text", ...
std::vector<std::string> response_formats();

/// @throws Error(invalid_argument) listing them
CaptionFormat parse_response_format(const std::string& name);

/// "application/json", ...
std::string_view content_type_of(CaptionFormat format);

}  // namespace lpmc
