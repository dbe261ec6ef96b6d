#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "lpmc/dataset/text_source.h"

namespace lpmc {

// JSON files of many records, of which one at a time is in memory. Python's NaN and Infinity, which
// its json module writes, are read as null.

/// Called with the id a record stands under ("" where it has none there), the record, and where it is
/// ("line 7", "'[abc]-[30-40]'", "record 3") for messages.
using TakeJsonRecord =
    std::function<void(std::string_view id, const nlohmann::json& record, const std::string& where)>;

/// {"id": {...}, ...} or [{...}, ...].
/// @throws Error(corrupt) when it is not JSON (with the line) or of another layout
void read_json_records(TextSource& source, const TakeJsonRecord& take);

/// One object a line (JSONL). Empty lines are skipped.
/// @throws Error(corrupt) naming the line
void read_json_lines(TextSource& source, const TakeJsonRecord& take);

/// {"name": ["id", ...], ...}: calls `take` where a list begins (without an id) and for every id; numbers as
/// their text, other values are skipped.
/// @throws Error(corrupt)
void read_id_lists(TextSource& source,
                   const std::function<void(const std::string& list, std::optional<std::string>&& id)>& take);

}  // namespace lpmc
