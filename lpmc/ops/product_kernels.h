#pragma once

// Private to ops: the inner loops of matrix products, compiled once for each instruction set and chosen
// at run time. product_kernels*.cpp include nothing of the project but this header, for the reason that
// kernels.h gives.
//
// One layout serves all types. The depth of a product is cut into groups of four bytes: one float, two
// bfloat16 or four int8. Weights lie in panels of 16 columns of the result, each [groups][16][4 bytes]:
// a row of a panel is one register of AVX-512, two of AVX2, one row of an AMX tile.

#include <cstddef>
#include <cstdint>

namespace lpmc::products {

inline constexpr std::int64_t kPanelColumns = 16;
inline constexpr std::int64_t kGroupBytes = 4;
inline constexpr std::int64_t kPanelRowBytes = kPanelColumns * kGroupBytes;
/// The groups of bfloat16 and int8 products are a multiple of this, a tile's rows; filled up with zeros.
inline constexpr std::int64_t kTileGroups = 16;

/// c[row][column] = the sum over the depth of a[row] * b[column]. Every sum is formed in one order, which
/// depends neither on the number of rows nor on where a row stands.
struct Block {
  const std::byte* a = nullptr;  ///< float, bfloat16, or int8 in [-127, 127]
  std::int64_t a_stride = 0;     ///< bytes from a row to the next
  std::int64_t rows = 0;
  std::int64_t groups = 0;
  const std::byte* b = nullptr;  ///< panels, one after another; int8 weights as q + 128 in unsigned bytes
  std::int64_t panels = 0;
  std::byte* c = nullptr;     ///< 4 bytes an element: float; int32 for int8
  std::int64_t c_stride = 0;  ///< bytes from a row to the next
};

using Kernel = void (*)(const Block&);

struct Int8Kernel {
  Kernel multiply = nullptr;
  /// What the kernel sums is a * (q + offset): 128 where it takes the unsigned bytes as they are, 0 where
  /// it takes q. The caller subtracts offset * (sum of a's row).
  std::int32_t offset = 0;
};

/// A kernel that a variant lacks is null.
struct Table {
  const char* name;
  Kernel f32;
  Kernel bf16;
  Int8Kernel int8;
};

/// For each type the fastest kernel that this machine runs; none is null.
const Table& best();

inline constexpr int kMostVariants = 7;
/// Every variant that this machine runs, for the tests. @return how many were written to `tables`
int supported(const Table* (&tables)[kMostVariants]);

}  // namespace lpmc::products
