#pragma once

// Private to ops: the inner loops of attention, compiled once for each instruction set and chosen at run
// time, as those of kernels.h.

#include <cstddef>
#include <cstdint>

namespace lpmc::kernels {

/// Queries that one call takes: the usual number of beams. Keys that they share are read once.
inline constexpr int kMostQueries = 5;

/// One head of some queries: out = softmax(scale * query keys^T) values, in float32. What comes out for a
/// query does not depend, to the bit, on the others.
struct Head {
  const float* query = nullptr;  ///< [queries, size], rows query_stride floats apart
  float* out = nullptr;          ///< [queries, size], rows out_stride floats apart
  std::int64_t query_stride = 0;
  std::int64_t out_stride = 0;
  int queries = 1;  ///< 1 to kMostQueries
  std::int64_t size = 0;
  float scale = 0;
  float* scratch = nullptr;  ///< [head_scratch(size, most keys of a query)]
};

/// Floats that a head needs besides: its queries rearranged, and a score a key.
constexpr std::int64_t head_scratch(std::int64_t size, std::int64_t keys) {
  constexpr std::int64_t kMostLanes = 16;  // the last vector of scores is a whole one
  return kMostQueries * (size + keys + kMostLanes);
}

/// Every query's keys: key j is [size] elements at keys + j * stride, its value at values + j * stride; all
/// in bytes.
struct ContiguousKeys {
  const std::byte* keys = nullptr;
  const std::byte* values = nullptr;
  std::int64_t stride = 0;
  std::int64_t count = 0;  ///< at least 1
};

/// Query q's: key j at places[q][j] + key_offset, its value at places[q][j] + value_offset; in bytes.
struct GatheredKeys {
  const std::byte* const* places[kMostQueries] = {};
  std::int64_t counts[kMostQueries] = {};  ///< at least 1
  std::int64_t shared = 0;                 ///< so many places at the beginning are the same for all
  std::int64_t key_offset = 0;
  std::int64_t value_offset = 0;
};

/// For keys and values of one element type.
struct AttentionKernels {
  void (*attend_contiguous)(const Head&, const ContiguousKeys&);
  void (*attend_gathered)(const Head&, const GatheredKeys&);
  /// Rounds to the element type: to nearest, ties to even; NaN stays NaN.
  void (*write)(const float* from, std::byte* to, std::int64_t size);
};

struct AttentionTable {
  const char* name;
  AttentionKernels f32;
  AttentionKernels bf16;
};

/// The fastest variant that this machine runs.
const AttentionTable& best_attention();

/// Every variant that this machine runs, for the tests. @return how many were written to `tables`
int supported(const AttentionTable* (&tables)[3]);

}  // namespace lpmc::kernels
