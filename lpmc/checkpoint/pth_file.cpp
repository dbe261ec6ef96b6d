#include "lpmc/checkpoint/pth_file.h"

#include <algorithm>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/checkpoint/byte_reader.h"
#include "lpmc/checkpoint/foreign_format.h"
#include "lpmc/checkpoint/pickle_reader.h"

namespace lpmc {
namespace {

/// Strides of 0 let a tensor have more elements than its storage, up to any number. Past this many
/// that is taken for an attempt to exhaust memory.
constexpr std::int64_t kMaxExpandedElements = 1 << 24;

/// Looks up the tensors of one checkpoint and checks them against the archive.
class StateDictReader {
 public:
  StateDictReader(const Pickle& pickle, const ZipArchive& archive, std::string_view prefix)
      : pickle_(pickle), archive_(archive), prefix_(prefix) {}

  /// @param role "state_dict", or "top level"
  std::vector<StoredTensor> read(const PickleValue& dict, std::string_view role);

 private:
  struct Storage {
    std::span<const std::byte> bytes;
    std::uint64_t id;
  };

  StoredTensor tensor(const PickleTensor& source, std::string name);
  Storage storage(const PickleStorage& source, std::string_view tensor);
  std::vector<std::int64_t> dimensions(PickleId tuple, std::string_view tensor, std::string_view role) const;

  const Pickle& pickle_;
  const ZipArchive& archive_;
  std::string_view prefix_;
  std::unordered_map<std::string_view, Storage> storages_;  // by key
};

std::vector<StoredTensor> StateDictReader::read(const PickleValue& dict, std::string_view role) {
  std::vector<StoredTensor> tensors;
  std::unordered_set<std::string_view> names;
  for (std::size_t i = 0; i + 1 < dict.items.size(); i += 2) {
    const PickleValue& key = pickle_.at(dict.items[i]);
    const PickleValue& value = pickle_.at(dict.items[i + 1]);
    LPMC_REQUIRE(key.kind == PickleKind::string, corrupt, "{}: {}: expected names of tensors, found {}",
                 archive_.where(), role, to_string(key.kind));
    LPMC_REQUIRE(is_valid_utf8(key.text), corrupt, "{}: {}: the name '{}' is not UTF-8", archive_.where(),
                 role, shown(key.text));
    LPMC_REQUIRE(value.kind == PickleKind::tensor, unsupported, "{}: {}: {}: expected a tensor, found {}",
                 archive_.where(), role, shown(key.text), to_string(value.kind));
    LPMC_REQUIRE(names.insert(key.text).second, corrupt, "{}: {}: two tensors are named {}", archive_.where(),
                 role, shown(key.text));
    tensors.push_back(
        tensor(pickle_.tensors[static_cast<std::size_t>(value.integer)], std::string(key.text)));
  }
  return tensors;
}

std::vector<std::int64_t> StateDictReader::dimensions(PickleId tuple, std::string_view tensor,
                                                      std::string_view role) const {
  const std::vector<PickleId>& items = pickle_.at(tuple).items;
  LPMC_REQUIRE(items.size() <= Shape::kMaxRank, unsupported,
               "{}: {}: expected at most {} dimensions, found {}", archive_.where(), shown(tensor),
               Shape::kMaxRank, items.size());
  std::vector<std::int64_t> values;
  for (const PickleId item : items) {
    const PickleValue& value = pickle_.at(item);
    LPMC_REQUIRE(value.kind == PickleKind::integer, corrupt, "{}: {}: {}: expected an int, found {}",
                 archive_.where(), shown(tensor), role, to_string(value.kind));
    LPMC_REQUIRE(value.integer >= 0, corrupt, "{}: {}: {}: expected at least 0, found {}", archive_.where(),
                 shown(tensor), role, value.integer);
    values.push_back(value.integer);
  }
  return values;
}

StateDictReader::Storage StateDictReader::storage(const PickleStorage& source, std::string_view tensor) {
  auto known = storages_.find(source.key);
  if (known == storages_.end()) {
    const std::string name = fmt::format("{}/data/{}", prefix_, source.key);
    const ZipEntry* entry = archive_.find(name);
    LPMC_REQUIRE(entry != nullptr, corrupt, "{}: {}: its storage '{}' is not in the archive",
                 archive_.where(), shown(tensor), shown(name));
    const auto id = static_cast<std::uint64_t>(entry - archive_.entries().data());
    known = storages_.emplace(source.key, Storage{archive_.data(*entry), id}).first;
  }
  std::int64_t size = 0;
  const bool fits =
      source.elements >= 0 &&
      !__builtin_mul_overflow(source.elements, static_cast<std::int64_t>(size_of(source.dtype)), &size);
  LPMC_REQUIRE(fits && static_cast<std::uint64_t>(size) == known->second.bytes.size(), corrupt,
               "{}: {}: storage '{}': expected {} elements of {}, found {} bytes", archive_.where(),
               shown(tensor), shown(source.key), source.elements, to_string(source.dtype),
               known->second.bytes.size());
  return known->second;
}

/// One past the highest element that sizes and strides reach, or -1 when that does not fit 63 bits.
std::int64_t reach_of(const Shape& shape, std::span<const std::int64_t> strides) {
  if (shape.elements() == 0) return 0;
  std::int64_t reach = 1;
  for (std::size_t i = 0; i < shape.rank(); ++i) {
    std::int64_t step = 0;
    if (__builtin_mul_overflow(shape[i] - 1, strides[i], &step) ||
        __builtin_add_overflow(reach, step, &reach)) {
      return -1;
    }
  }
  return reach;
}

/// What Shape refuses, as an error of the file and not of the caller.
bool fits_shape(std::span<const std::int64_t> sizes) {
  std::int64_t elements = 1;
  return std::ranges::none_of(sizes, [&](std::int64_t size) {
    return __builtin_mul_overflow(elements, std::max<std::int64_t>(size, 1), &elements);
  });
}

StoredTensor StateDictReader::tensor(const PickleTensor& source, std::string name) {
  const std::string where = fmt::format("{}: {}", archive_.where(), shown(name));
  const PickleStorage& source_storage = pickle_.storages[source.storage];
  const std::vector<std::int64_t> sizes = dimensions(source.sizes, name, "size");
  const std::vector<std::int64_t> strides = dimensions(source.strides, name, "stride");
  LPMC_REQUIRE(sizes.size() == strides.size(), corrupt, "{}: expected {} strides, found {}", where,
               sizes.size(), strides.size());
  LPMC_REQUIRE(fits_shape(sizes), corrupt, "{}: size [{}]: the number of elements does not fit 63 bits",
               where, fmt::join(sizes, ", "));
  const Storage found = storage(source_storage, name);

  StoredTensor tensor;
  tensor.name = std::move(name);
  tensor.dtype = source_storage.dtype;
  tensor.shape = Shape(sizes);
  std::ranges::copy(strides, tensor.strides.begin());
  const std::int64_t reach = reach_of(tensor.shape, strides);
  LPMC_REQUIRE(source.offset >= 0 && reach >= 0 && source.offset <= source_storage.elements &&
                   reach <= source_storage.elements - source.offset,
               corrupt, "{}: {} with strides [{}] at offset {} reaches outside its storage of {} elements",
               where, to_string(tensor.shape), fmt::join(strides, ", "), source.offset,
               source_storage.elements);
  LPMC_REQUIRE(tensor.shape.elements() <= std::max(source_storage.elements, kMaxExpandedElements),
               unsupported, "{}: {} is expanded from a storage of {} elements", where,
               to_string(tensor.shape), source_storage.elements);
  tensor.data = found.bytes.data() + static_cast<std::size_t>(source.offset) * size_of(tensor.dtype);
  tensor.storage = found.id;
  return tensor;
}

/// The part of the entries' names before "/data.pkl".
std::string_view prefix_of(const ZipArchive& archive) {
  constexpr std::string_view kPickle = "/data.pkl";
  const ZipEntry* found = nullptr;
  for (const ZipEntry& entry : archive.entries()) {
    if (!entry.name.ends_with(kPickle)) continue;
    LPMC_REQUIRE(found == nullptr, corrupt, "{}: expected one data.pkl in the archive, found '{}' and '{}'",
                 archive.where(), shown(found->name), shown(entry.name));
    found = &entry;
  }
  LPMC_REQUIRE(found != nullptr, unsupported, "{}: no data.pkl in the archive", archive.where());
  return found->name.substr(0, found->name.size() - kPickle.size());
}

void check_byte_order(const ZipArchive& archive, std::string_view prefix) {
  const ZipEntry* entry = archive.find(fmt::format("{}/byteorder", prefix));
  if (entry == nullptr) return;  // torch before 2.0
  const std::string_view order = as_text(archive.data(*entry));
  LPMC_REQUIRE(order == "little", unsupported, "{}: byte order: expected little, found {}", archive.where(),
               shown(order));
}

std::string keys_of(const Pickle& pickle, const PickleValue& dict) {
  constexpr std::size_t kShown = 8;
  std::string keys;
  for (std::size_t i = 0; i + 1 < dict.items.size(); i += 2) {
    if (i / 2 == kShown) return keys + ", ...";
    const PickleValue& key = pickle.at(dict.items[i]);
    if (i != 0) keys += ", ";
    keys += key.kind == PickleKind::string ? shown(key.text) : std::string(to_string(key.kind));
  }
  return keys.empty() ? "nothing" : keys;
}

}  // namespace

TensorTable tensors_of_checkpoint(const Pickle& pickle, const ZipArchive& archive, std::string_view prefix) {
  const PickleValue& top = pickle.top();
  LPMC_REQUIRE(top.kind == PickleKind::dict, unsupported,
               "{}: expected a dict with a state_dict, or a state dict, found {}", archive.where(),
               to_string(top.kind));
  StateDictReader reader(pickle, archive, prefix);
  TensorTable table;
  if (const PickleValue* state = pickle.find(top, "state_dict"); state != nullptr) {
    LPMC_REQUIRE(state->kind == PickleKind::dict, corrupt, "{}: state_dict: expected a dict, found {}",
                 archive.where(), to_string(state->kind));
    table.tensors = reader.read(*state, "state_dict");
  } else {
    const bool any_tensor =
        std::ranges::any_of(top.items, [&](PickleId id) { return pickle.at(id).kind == PickleKind::tensor; });
    LPMC_REQUIRE(any_tensor, unsupported,
                 "{}: expected a dict with the key state_dict, or tensors by name; found {}", archive.where(),
                 keys_of(pickle, top));
    table.tensors = reader.read(top, "state dict");
    return table;
  }
  if (const PickleValue* epoch = pickle.find(top, "epoch"); epoch != nullptr) {
    if (epoch->kind == PickleKind::integer) table.metadata["epoch"] = fmt::format("{}", epoch->integer);
    if (epoch->kind == PickleKind::real) table.metadata["epoch"] = fmt::format("{}", epoch->real);
  }
  return table;
}

TensorTable read_pth(std::span<const std::byte> bytes, std::string_view where) {
  const ZipArchive archive(bytes, where);
  const std::string foreign = describe_foreign_archive(archive);
  LPMC_REQUIRE(foreign.empty(), unsupported, "{}: {}", where, foreign);
  const std::string_view prefix = prefix_of(archive);
  check_byte_order(archive, prefix);
  const ZipEntry& entry = *archive.find(fmt::format("{}/data.pkl", prefix));
  const auto pickle_bytes = archive.data(entry);
  archive.verify_checksum(entry);
  const Pickle pickle = read_pickle(pickle_bytes, fmt::format("{}: data.pkl", where));
  return tensors_of_checkpoint(pickle, archive, prefix);
}

}  // namespace lpmc
