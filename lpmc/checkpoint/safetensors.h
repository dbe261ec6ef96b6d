#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "lpmc/checkpoint/pth_file.h"

namespace lpmc {

/// The reference implementation's bound of a header.
inline constexpr std::uint64_t kMaxSafetensorsHeader = 100'000'000;

/// True when the bytes can only be meant as safetensors: a header length, then '{'.
bool looks_like_safetensors(std::span<const std::byte> bytes);

/// Reads a safetensors file: the length of the header (8 bytes), a JSON object
/// {name: {"dtype", "shape", "data_offsets": [begin, end]}, "__metadata__": {key: text}}, the
/// tensors' bytes. Only the header is touched. The tensors must fill the rest of the file without
/// overlap or holes, as the reference implementation demands.
/// @param bytes the file; the tensors point into it
/// @param where names the file in errors
/// @throws Error(corrupt), and Error(unsupported) for an element type or rank that lpmc lacks
TensorTable read_safetensors(std::span<const std::byte> bytes, std::string_view where);

/// One tensor as the header states it.
struct SafetensorsEntry {
  std::string name;
  DType dtype = DType::f32;
  std::vector<std::int64_t> sizes;
  std::uint64_t begin = 0;  ///< bytes from the end of the header
  std::uint64_t end = 0;
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;  ///< in the file's order
  std::map<std::string, std::string> metadata;
};

/// Parses the JSON of a header; offsets and shapes are not compared with each other.
/// @throws Error(corrupt, unsupported)
SafetensorsHeader parse_safetensors_header(std::string_view json, std::string_view where);

}  // namespace lpmc
