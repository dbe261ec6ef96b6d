#include <cmath>

#include <nlohmann/json.hpp>

#include "lpmc/base/utf8.h"
#include "lpmc/captioning/format_parts.h"
#include "lpmc/captioning/plain_text.h"
#include "lpmc/captioning/timecodes.h"

namespace lpmc::detail {
namespace {

using Json = nlohmann::ordered_json;

Json score_json(double score) {
  if (!std::isfinite(score)) return nullptr;
  return std::round(score * 1e6) / 1e6;
}

Json candidate_json(const Candidate& candidate, const FormatOptions& options) {
  Json json = {{"text", replace_invalid_utf8(candidate.text)}, {"score", score_json(candidate.score)}};
  if (options.tokens) json["tokens"] = candidate.tokens;
  return json;
}

Json segment_json(const Segment& segment, const FormatOptions& options) {
  Json json = {{"start_s", rounded_to_milliseconds(segment.start_s)},
               {"end_s", rounded_to_milliseconds(segment.end_s)},
               {"time", time_range_label(segment.start_s, segment.end_s)},
               {"text", replace_invalid_utf8(segment.text())},
               {"score", segment.candidates.empty() ? Json() : score_json(segment.candidates.front().score)},
               {"silent", segment.silent}};
  if (options.tokens) {
    json["tokens"] = segment.candidates.empty() ? Json::array() : Json(segment.candidates.front().tokens);
  }
  if (options.candidates) {
    Json& list = json["candidates"] = Json::array();
    for (const Candidate& candidate : segment.candidates)
      list.push_back(candidate_json(candidate, options));
  }
  return json;
}

/// The object's members a line each when `pretty`. Segments are turned to text one by one: a tree
/// of all of them would take many times the memory of the captions.
class ObjectText {
 public:
  explicit ObjectText(bool pretty) : pretty_(pretty) {}

  void member(const char* name, const Json& value) {
    key(name);
    text_ += value.dump();
  }

  void list(const char* name, const std::vector<Segment>& segments, const FormatOptions& options) {
    key(name);
    text_ += '[';
    for (const Segment& segment : segments) {
      if (&segment != &segments.front()) text_ += ',';
      if (pretty_) text_ += "\n    ";
      text_ += segment_json(segment, options).dump();
    }
    text_ += pretty_ && !segments.empty() ? "\n  ]" : "]";
  }

  std::string finish() { return std::move(text_) + (pretty_ ? "\n}\n" : "}\n"); }

 private:
  void key(const char* name) {
    text_ += text_.empty() ? "{" : ",";
    if (pretty_) text_ += "\n  ";
    text_ += Json(name).dump();
    text_ += pretty_ ? ": " : ":";
  }

  bool pretty_;
  std::string text_;
};

}  // namespace

std::string json_object(const FileCaptions& captions, const FormatOptions& options, bool pretty) {
  ObjectText object(pretty);
  const std::string& name = captions.file.native();
  object.member("file", replace_invalid_utf8(name));
  if (!is_valid_utf8(name)) object.member("file_raw", percent_encoded(name));
  if (captions.failure) {
    object.member("error", {{"kind", to_string(captions.failure->kind)},
                            {"message", replace_invalid_utf8(captions.failure->message)}});
    return object.finish();
  }
  object.member("duration_s", rounded_to_milliseconds(captions.duration_s));
  object.member("model", replace_invalid_utf8(captions.model));
  object.list("segments", captions.segments, options);
  if (options.track) object.member("track_caption", replace_invalid_utf8(captions.track_caption));
  Json warnings = Json::array();
  for (const std::string& warning : captions.warnings)
    warnings.push_back(replace_invalid_utf8(warning));
  object.member("warnings", warnings);
  return object.finish();
}

}  // namespace lpmc::detail

namespace lpmc {

std::string segment_object(const Segment& segment, const FormatOptions& options) {
  return detail::segment_json(segment, options).dump();
}

}  // namespace lpmc
