#include "lpmc/checkpoint/safetensors.h"

#include <algorithm>
#include <numeric>
#include <unordered_set>

#include <nlohmann/json.hpp>

#include "lpmc/base/atomic_file.h"
#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/checkpoint/byte_reader.h"

namespace lpmc {
namespace {

constexpr std::size_t kLengthSize = 8;
constexpr std::string_view kMetadataKey = "__metadata__";

std::string_view safetensors_name(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return "F32";
    case DType::f64:
      return "F64";
    case DType::f16:
      return "F16";
    case DType::bf16:
      return "BF16";
    case DType::i8:
      return "I8";
    case DType::u8:
      return "U8";
    case DType::i16:
      return "I16";
    case DType::i32:
      return "I32";
    case DType::i64:
      return "I64";
    case DType::boolean:
      return "BOOL";
  }
  return "F32";
}

/// sizes * element size == end - begin, in arithmetic that cannot overflow.
bool size_matches(const SafetensorsEntry& entry) {
  if (entry.end < entry.begin) return false;
  auto product = static_cast<std::int64_t>(size_of(entry.dtype));
  std::int64_t bounded = product;  // with sizes of 0 taken for 1: Shape demands that this fits, too
  for (const std::int64_t size : entry.sizes) {
    if (__builtin_mul_overflow(bounded, std::max<std::int64_t>(size, 1), &bounded)) return false;
    product *= size;
  }
  return static_cast<std::uint64_t>(product) == entry.end - entry.begin;
}

void check_tiling(const std::vector<SafetensorsEntry>& entries, std::uint64_t size, std::string_view where) {
  std::vector<std::size_t> order(entries.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair(entries[i].begin, entries[i].end); });
  std::uint64_t at = 0;
  for (const std::size_t i : order) {
    const SafetensorsEntry& entry = entries[i];
    LPMC_REQUIRE(entry.begin == at, corrupt,
                 "{}: {}: expected its data to begin at {}, after the tensor before it, found {}", where,
                 shown(entry.name), at, entry.begin);
    at = entry.end;
    LPMC_REQUIRE(at <= size, corrupt, "{}: {}: cut off: its data ends at {}, the file has {} bytes of data",
                 where, shown(entry.name), at, size);
  }
  LPMC_REQUIRE(at == size, corrupt, "{}: expected {} bytes of data, found {}", where, at, size);
}

StoredTensor stored_tensor(SafetensorsEntry& entry, std::span<const std::byte> data, std::uint64_t index) {
  StoredTensor tensor;
  tensor.name = std::move(entry.name);
  tensor.dtype = entry.dtype;
  tensor.shape = Shape(entry.sizes);
  std::int64_t stride = 1;
  for (std::size_t i = tensor.shape.rank(); i-- > 0;) {
    tensor.strides[i] = stride;
    stride *= std::max<std::int64_t>(tensor.shape[i], 1);
  }
  tensor.data = data.data() + entry.begin;
  tensor.storage = index;
  return tensor;
}

/// Largest elements first, so that each tensor is aligned to its elements' size; else as given.
std::vector<std::size_t> order_of_writing(std::span<const NamedTensor> tensors) {
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater<>(),
                           [&](std::size_t i) { return size_of(tensors[i].tensor.dtype()); });
  return order;
}

std::string header_text(std::span<const NamedTensor> tensors, std::span<const std::size_t> order,
                        const std::map<std::string, std::string>& metadata) {
  const auto quoted = [](std::string_view text) { return nlohmann::json(text).dump(); };
  std::string header = "{";
  if (!metadata.empty()) header += fmt::format("\"{}\":{}", kMetadataKey, nlohmann::json(metadata).dump());
  std::uint64_t at = 0;
  for (const std::size_t i : order) {
    const ConstTensorView& tensor = tensors[i].tensor;
    if (header.size() > 1) header += ',';
    header += fmt::format(R"({}:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})",
                          quoted(tensors[i].name), safetensors_name(tensor.dtype()),
                          fmt::join(tensor.shape().sizes(), ","), at, at + tensor.size_bytes());
    at += tensor.size_bytes();
  }
  header += '}';
  header.resize((header.size() + kLengthSize - 1) / kLengthSize * kLengthSize, ' ');
  return header;
}

void check_writable(std::span<const NamedTensor> tensors, const std::map<std::string, std::string>& metadata,
                    const std::string& where) {
  std::unordered_set<std::string_view> names;
  for (const NamedTensor& tensor : tensors) {
    LPMC_REQUIRE(is_valid_utf8(tensor.name) && tensor.name != kMetadataKey, invalid_argument,
                 "{}: '{}' cannot name a tensor", where, shown(tensor.name));
    LPMC_REQUIRE(names.insert(tensor.name).second, invalid_argument, "{}: two tensors are named {}", where,
                 shown(tensor.name));
    LPMC_REQUIRE(!tensor.tensor.is_null() || tensor.tensor.elements() == 0, invalid_argument,
                 "{}: {} has no data", where, shown(tensor.name));
  }
  for (const auto& [key, value] : metadata) {
    LPMC_REQUIRE(is_valid_utf8(key) && is_valid_utf8(value), invalid_argument,
                 "{}: metadata '{}' is not UTF-8", where, shown(key));
  }
}

}  // namespace

bool looks_like_safetensors(std::span<const std::byte> bytes) {
  if (bytes.size() <= kLengthSize || bytes[kLengthSize] != std::byte{'{'}) return false;
  return load_little<std::uint64_t>(bytes, 0) >> 32 == 0;
}

TensorTable read_safetensors(std::span<const std::byte> bytes, std::string_view where) {
  LPMC_REQUIRE(bytes.size() >= kLengthSize, corrupt, "{}: cut off: {} bytes cannot be a safetensors file",
               where, bytes.size());
  const auto length = load_little<std::uint64_t>(bytes, 0);
  LPMC_REQUIRE(length <= kMaxSafetensorsHeader, corrupt,
               "{}: safetensors header: expected at most {} bytes, found {}", where, kMaxSafetensorsHeader,
               length);
  LPMC_REQUIRE(length <= bytes.size() - kLengthSize, corrupt,
               "{}: cut off: a safetensors header of {} bytes in a file of {}", where, length, bytes.size());
  const auto data = bytes.subspan(kLengthSize + length);
  SafetensorsHeader header = parse_safetensors_header(as_text(bytes.subspan(kLengthSize, length)), where);
  for (const SafetensorsEntry& entry : header.entries) {
    LPMC_REQUIRE(size_matches(entry), corrupt, "{}: {}: [{}] of {} does not take the bytes {} to {}", where,
                 shown(entry.name), fmt::join(entry.sizes, ", "), to_string(entry.dtype), entry.begin,
                 entry.end);
  }
  check_tiling(header.entries, data.size(), where);
  TensorTable table;
  table.metadata = std::move(header.metadata);
  table.tensors.reserve(header.entries.size());
  for (SafetensorsEntry& entry : header.entries) {
    table.tensors.push_back(stored_tensor(entry, data, table.tensors.size()));
  }
  return table;
}

void write_safetensors(const std::filesystem::path& path, std::span<const NamedTensor> tensors,
                       const std::map<std::string, std::string>& metadata) {
  check_writable(tensors, metadata, display_path(path));
  const std::vector<std::size_t> order = order_of_writing(tensors);
  const std::string header = header_text(tensors, order, metadata);
  std::string length;
  append_little(length, static_cast<std::uint64_t>(header.size()));
  AtomicFile file(path);
  file.write(length);
  file.write(header);
  for (const std::size_t i : order) {
    file.write(std::span(tensors[i].tensor.bytes(), tensors[i].tensor.size_bytes()));
  }
  file.commit();
}

}  // namespace lpmc
