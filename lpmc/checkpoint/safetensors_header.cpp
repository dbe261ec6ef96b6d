// The JSON of a safetensors header, read event by event: memory stays proportional to what a header
// may hold, nesting is bounded by its form, and duplicate keys are seen (a JSON tree would hide them).

#include <array>
#include <limits>
#include <unordered_set>
#include <utility>

#include <nlohmann/json.hpp>

#include "lpmc/base/error.h"
#include "lpmc/checkpoint/byte_reader.h"
#include "lpmc/checkpoint/safetensors.h"

namespace lpmc {
namespace {

constexpr std::array<std::pair<std::string_view, DType>, 10> kDTypes = {{{"F64", DType::f64},
                                                                         {"F32", DType::f32},
                                                                         {"F16", DType::f16},
                                                                         {"BF16", DType::bf16},
                                                                         {"I64", DType::i64},
                                                                         {"I32", DType::i32},
                                                                         {"I16", DType::i16},
                                                                         {"I8", DType::i8},
                                                                         {"U8", DType::u8},
                                                                         {"BOOL", DType::boolean}}};

/// nlohmann's SAX interface. Where in the header the parser is, and what may come there.
class HeaderHandler {
 public:
  explicit HeaderHandler(std::string_view where) : where_(where) {}

  bool null() { return unexpected("null"); }
  bool boolean(bool) { return unexpected("true or false"); }
  bool number_float(double, const std::string&) { return unexpected("a fraction"); }
  bool number_integer(std::int64_t) { return unexpected("a negative number"); }
  bool number_unsigned(std::uint64_t number);
  bool string(std::string& text);
  bool binary(nlohmann::json::binary_t&) { return unexpected("binary data"); }
  bool start_object(std::size_t);
  bool key(std::string& name);
  bool end_object();
  bool start_array(std::size_t);
  bool end_array();
  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) {
    fail(ErrorKind::corrupt, "{}: the safetensors header is not JSON, at its byte {}", where_, position);
  }

  SafetensorsHeader take() { return std::move(header_); }

 private:
  enum class Place { start, top, metadata, tensor, dtype, shape, shape_list, offsets, offsets_list, end };

  bool unexpected(std::string_view found) const {
    fail(ErrorKind::corrupt, "{}: safetensors header: {}: found {} where it cannot be", where_,
         name_.empty() ? "top level" : shown(name_), found);
  }
  void set_dtype(std::string_view name);
  void tensor_key(std::string_view name);

  std::string where_;
  SafetensorsHeader header_;
  Place place_ = Place::start;
  std::string name_;  // of the tensor, or "__metadata__"
  std::string metadata_key_;
  std::unordered_set<std::string> names_;
  unsigned seen_ = 0;  // bits: dtype, shape, data_offsets
  std::size_t offsets_ = 0;
};

constexpr unsigned kSeenDType = 1;
constexpr unsigned kSeenShape = 2;
constexpr unsigned kSeenOffsets = 4;
constexpr unsigned kSeenAll = kSeenDType | kSeenShape | kSeenOffsets;

bool HeaderHandler::start_object(std::size_t) {
  if (place_ == Place::start) {
    place_ = Place::top;
  } else if (place_ == Place::top && name_ == "__metadata__") {
    place_ = Place::metadata;
  } else if (place_ == Place::top) {
    header_.entries.emplace_back().name = name_;
    place_ = Place::tensor;
    seen_ = 0;
  } else {
    unexpected("an object");
  }
  return true;
}

bool HeaderHandler::key(std::string& name) {
  switch (place_) {
    case Place::top:
      name_ = name;
      LPMC_REQUIRE(names_.insert(name).second, corrupt, "{}: safetensors header: two tensors are named {}",
                   where_, shown(name));
      return true;
    case Place::metadata:
      LPMC_REQUIRE(!header_.metadata.contains(name), corrupt,
                   "{}: safetensors header: __metadata__: {} stands twice", where_, shown(name));
      metadata_key_ = name;
      return true;
    case Place::tensor:
      tensor_key(name);
      return true;
    default:
      return unexpected("a key");
  }
}

void HeaderHandler::tensor_key(std::string_view name) {
  const auto enter = [&](Place place, unsigned bit) {
    LPMC_REQUIRE((seen_ & bit) == 0, corrupt, "{}: safetensors header: {}: {} stands twice", where_,
                 shown(name_), name);
    place_ = place;
    seen_ |= bit;
  };
  if (name == "dtype") {
    enter(Place::dtype, kSeenDType);
  } else if (name == "shape") {
    enter(Place::shape, kSeenShape);
  } else if (name == "data_offsets") {
    enter(Place::offsets, kSeenOffsets);
  } else {
    fail(ErrorKind::corrupt, "{}: safetensors header: {}: expected dtype, shape and data_offsets, found '{}'",
         where_, shown(name_), shown(name));
  }
}

bool HeaderHandler::string(std::string& text) {
  if (place_ == Place::metadata) {
    header_.metadata[metadata_key_] = text;
    return true;
  }
  if (place_ != Place::dtype) return unexpected("a string");
  set_dtype(text);
  place_ = Place::tensor;
  return true;
}

void HeaderHandler::set_dtype(std::string_view name) {
  for (const auto& [known, dtype] : kDTypes) {
    if (known != name) continue;
    header_.entries.back().dtype = dtype;
    return;
  }
  fail(ErrorKind::unsupported,
       "{}: {}: element type: expected F64, F32, F16, BF16, I64, I32, I16, I8, U8 or BOOL, found {}", where_,
       shown(name_), shown(name));
}

bool HeaderHandler::start_array(std::size_t) {
  if (place_ == Place::shape) {
    place_ = Place::shape_list;
  } else if (place_ == Place::offsets) {
    place_ = Place::offsets_list;
    offsets_ = 0;
  } else {
    unexpected("a list");
  }
  return true;
}

bool HeaderHandler::number_unsigned(std::uint64_t number) {
  SafetensorsEntry* entry = header_.entries.empty() ? nullptr : &header_.entries.back();
  if (place_ == Place::shape_list) {
    LPMC_REQUIRE(entry->sizes.size() < Shape::kMaxRank, unsupported, "{}: {}: more than {} dimensions",
                 where_, shown(name_), Shape::kMaxRank);
    LPMC_REQUIRE(number <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()), corrupt,
                 "{}: {}: a size of {}", where_, shown(name_), number);
    entry->sizes.push_back(static_cast<std::int64_t>(number));
    return true;
  }
  if (place_ != Place::offsets_list || offsets_ == 2) return unexpected("a number");
  (offsets_ == 0 ? entry->begin : entry->end) = number;
  ++offsets_;
  return true;
}

bool HeaderHandler::end_array() {
  if (place_ == Place::offsets_list && offsets_ != 2) unexpected("fewer than two data_offsets");
  place_ = Place::tensor;
  return true;
}

bool HeaderHandler::end_object() {
  if (place_ == Place::tensor && seen_ != kSeenAll) {
    fail(ErrorKind::corrupt, "{}: safetensors header: {}: expected dtype, shape and data_offsets", where_,
         shown(name_));
  }
  if (place_ == Place::dtype || place_ == Place::shape || place_ == Place::offsets) unexpected("no value");
  place_ = place_ == Place::top ? Place::end : Place::top;
  name_.clear();
  return true;
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view json, std::string_view where) {
  // The parser takes a zero byte for the end, and would not see what follows.
  LPMC_REQUIRE(json.find('\0') == std::string_view::npos, corrupt,
               "{}: the safetensors header is not JSON, at its byte {}", where, json.find('\0'));
  HeaderHandler handler(where);
  nlohmann::json::sax_parse(json.begin(), json.end(), &handler);
  return handler.take();
}

}  // namespace lpmc
