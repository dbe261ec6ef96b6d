#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace lpmc {

// What stands in a file of captions, whatever its shape, before anything is said about keys.

using CaptionJson = nlohmann::ordered_json;

struct CaptionRecord {
  CaptionJson value;  ///< a CSV row is an object of strings by column
  std::string key;    ///< where the file is an object of records: the record's key; else ""
  std::string where;  ///< "line 7", "entry 3 (line 12)", "'id' (line 12)": for messages
};

/// Records of a text that is one of
///   - a JSON list of records, or a JSON object of records by key,
///   - JSONL: a record a line,
///   - CSV with a header line.
/// @param name stands in messages
/// @param is_record whether a JSON object that is the whole text is itself a record (columns side by side)
/// @throws Error(corrupt) naming line and key: no JSON (NaN and ill-formed UTF-8 among it), a key twice, rows
/// of unequal length, an empty text, a text of no known shape
std::vector<CaptionRecord> parse_caption_records(std::string_view text, std::string_view name,
                                                 const std::function<bool(const CaptionJson&)>& is_record);

/// "a string", "a list", ...: what a message says was found.
std::string_view json_type_words(const CaptionJson& value);

}  // namespace lpmc
