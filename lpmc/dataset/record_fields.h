#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "lpmc/dataset/tag_record.h"

namespace lpmc {

/// A record of a JSON object or of a CSV row (an object of strings), whichever of the layouts it has. Fields
/// are found by the names that the original's annotations, MusicCaps, the LP-MusicCaps data sets and our
/// manifest use.
struct FieldRecord {
  TagRecord record;       ///< tags as written, not cleaned
  bool has_tags = false;  ///< a field of tags is there, perhaps empty
};

/// @param id the key the record stands under; "" = its own field
/// @param where for messages: "annotation.json: line 7"
/// @throws Error(corrupt) when it has no id, or a field is of a type that makes no sense
FieldRecord record_from_fields(const nlohmann::json& fields, std::string_view id, DatasetLayout layout,
                               const std::string& where);

/// Names of the fields that hold tags in this layout, first choice first.
const std::vector<std::string>& tag_field_names(DatasetLayout layout);

/// Names of the fields that tell which record it is, first choice first: its id, the video of MusicCaps, the
/// file of a Hugging Face audio folder (whose id is the name without its extension).
const std::vector<std::string>& id_field_names();

}  // namespace lpmc
