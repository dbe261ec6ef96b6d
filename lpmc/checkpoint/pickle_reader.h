#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "lpmc/checkpoint/pickle_values.h"

namespace lpmc {

/// Bounds of read_pickle. A checkpoint of bart-base with its optimizer has 0.2 MB and 20,000 objects.
inline constexpr std::size_t kMaxPickleBytes = std::size_t{64} << 20;
inline constexpr std::size_t kMaxPickleObjects = std::size_t{1} << 20;
inline constexpr std::uint32_t kMaxPickleDepth = 100;

/// Reads the pickle of a checkpoint. A pickle is a program for a stack machine that can call any
/// Python function; this machine knows the opcodes that build plain values, and of globals only
///   collections.OrderedDict, torch._utils._rebuild_tensor_v2 and _rebuild_parameter,
///   torch.FloatStorage and its sisters, torch.storage.UntypedStorage (as bytes),
/// which it describes and does not call. Work and memory are proportional to `bytes`.
/// @param bytes protocol 2 to 5; strings of the result point into it
/// @param where names the pickle in errors
/// @throws Error(unsupported) naming any other global or opcode, Error(corrupt) for a pickle that is
/// cut off, contradicts itself, or exceeds a bound above
/// Source: Python's pickletools; reference torch/serialization.py, persistent_id.
Pickle read_pickle(std::span<const std::byte> bytes, std::string_view where);

}  // namespace lpmc
