#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "lpmc/tensor/dtype.h"

namespace lpmc {

/// Index of a value in its Pickle.
using PickleId = std::uint32_t;

enum class PickleKind : std::uint8_t {
  none,
  boolean,
  integer,
  big_integer,  ///< over 64 bits; its value is not kept
  real,
  string,
  tuple,
  list,
  dict,  ///< also an OrderedDict
  global,
  storage,
  tensor,
};

/// "an int", "a dict", ...: for messages.
std::string_view to_string(PickleKind kind);

/// A global that a checkpoint may name.
enum class PickleGlobal : std::uint8_t { ordered_dict, rebuild_tensor_v2, rebuild_parameter, storage_type };

struct PickleValue {
  PickleKind kind = PickleKind::none;
  PickleGlobal global = PickleGlobal::ordered_dict;
  DType dtype = DType::f32;     ///< of a storage_type global
  std::uint32_t depth = 0;      ///< containers below it when it was made or last changed
  std::int64_t integer = 0;     ///< boolean, integer; for storage and tensor the index into their table
  double real = 0;              ///< real
  std::string_view text;        ///< string: UTF-8 as in the file, not checked
  std::vector<PickleId> items;  ///< tuple, list; dict: key, value, key, value, ...
};

/// persistent id ('storage', torch.FloatStorage, key, location, numel); nothing is checked against
/// the archive.
struct PickleStorage {
  DType dtype = DType::f32;
  std::string_view key;
  std::int64_t elements = 0;
};

/// torch._utils._rebuild_tensor_v2(storage, offset, size, stride, ...), arguments as they stand in
/// the file: the tuples may hold anything.
struct PickleTensor {
  std::uint32_t storage = 0;  ///< index into Pickle::storages
  std::int64_t offset = 0;    ///< elements
  PickleId sizes = 0;         ///< a tuple
  PickleId strides = 0;       ///< a tuple; elements
};

/// What a pickle describes, as values that refer to each other by index: however often a value is
/// shared, it is there once. Values may contain themselves (a pickle can say so), and a value's
/// expanded form may be exponentially large, so users walk a fixed number of levels, never the whole.
struct Pickle {
  std::vector<PickleValue> values;
  std::vector<PickleStorage> storages;
  std::vector<PickleTensor> tensors;
  PickleId root = 0;

  const PickleValue& at(PickleId id) const { return values[id]; }
  const PickleValue& top() const { return values[root]; }
  /// The value of a string key, as Python sees it: the last one given. nullptr when there is none.
  const PickleValue* find(const PickleValue& dict, std::string_view key) const;
};

}  // namespace lpmc
