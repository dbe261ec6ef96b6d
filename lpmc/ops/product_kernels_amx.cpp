// Matrix products on AMX tiles: bfloat16 and int8. See product_kernels.h; 16 rows of a panel are one
// tile as they lie in memory.

#include <immintrin.h>

#include "lpmc/ops/product_kernels.h"

namespace lpmc::products::amx {
namespace {

constexpr int kTileRows = 16;
constexpr std::int64_t kTileBytes = kTileRows * kPanelRowBytes;
/// Bytes from the tile that is read to the one asked for ahead.
constexpr std::int64_t kAhead = 4 * kTileBytes;

/// What LDTILECFG reads.
struct TileConfig {
  unsigned char palette = 1;
  unsigned char start_row = 0;
  unsigned char reserved[14] = {};
  unsigned short row_bytes[16] = {};
  unsigned char rows[16] = {};
};
static_assert(sizeof(TileConfig) == 64);

// Tiles 0 to 3 hold sums: rows of a's first and second tile by the two panels. 4 and 5: a. 6, 7: panels.
void configure(int first_rows, int second_rows) {
  TileConfig config;
  const auto set = [&config](int tile, int rows) {
    config.row_bytes[tile] = kPanelRowBytes;
    config.rows[tile] = static_cast<unsigned char>(rows);
  };
  set(0, first_rows);
  set(1, first_rows);
  set(4, first_rows);
  const int second = second_rows > 0 ? second_rows : 1;
  set(2, second);
  set(3, second);
  set(5, second);
  set(6, kTileRows);
  set(7, kTileRows);
  _tile_loadconfig(&config);
}

#define LPMC_TILE_DOT(sums, a, b) \
  do {                            \
    if constexpr (kInt8) {        \
      _tile_dpbsud(sums, a, b);   \
    } else {                      \
      _tile_dpbf16ps(sums, a, b); \
    }                             \
  } while (false)

inline void ask_ahead(const std::byte* tile) {
  for (int line = 0; line < kTileRows; ++line)
    __builtin_prefetch(tile + kAhead + line * kPanelRowBytes);
}

template <bool kInt8, bool kTwoRowTiles, bool kTwoPanels>
void multiply_tiles(const Block& block, const std::byte* a, const std::byte* b, std::byte* c) {
  const std::int64_t panel_bytes = block.groups * kPanelRowBytes;
  const std::byte* a_second = a + kTileRows * block.a_stride;
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (std::int64_t group = 0; group < block.groups; group += kTileGroups) {
    const std::byte* first = b + group * kPanelRowBytes;
    _tile_loadd(4, a + group * kGroupBytes, static_cast<std::size_t>(block.a_stride));
    _tile_loadd(6, first, kPanelRowBytes);
    ask_ahead(first);
    LPMC_TILE_DOT(0, 4, 6);
    if constexpr (kTwoPanels) {
      _tile_loadd(7, first + panel_bytes, kPanelRowBytes);
      ask_ahead(first + panel_bytes);
      LPMC_TILE_DOT(1, 4, 7);
    }
    if constexpr (kTwoRowTiles) {
      _tile_loadd(5, a_second + group * kGroupBytes, static_cast<std::size_t>(block.a_stride));
      LPMC_TILE_DOT(2, 5, 6);
      if constexpr (kTwoPanels) LPMC_TILE_DOT(3, 5, 7);
    }
  }
  std::byte* c_second = c + kTileRows * block.c_stride;
  _tile_stored(0, c, static_cast<std::size_t>(block.c_stride));
  if constexpr (kTwoPanels) _tile_stored(1, c + kPanelRowBytes, static_cast<std::size_t>(block.c_stride));
  if constexpr (kTwoRowTiles) {
    _tile_stored(2, c_second, static_cast<std::size_t>(block.c_stride));
    if constexpr (kTwoPanels)
      _tile_stored(3, c_second + kPanelRowBytes, static_cast<std::size_t>(block.c_stride));
  }
}

template <bool kInt8, bool kTwoRowTiles>
void multiply_rows(const Block& block, std::int64_t first_row) {
  const std::int64_t panel_bytes = block.groups * kPanelRowBytes;
  const std::byte* a = block.a + first_row * block.a_stride;
  std::byte* c = block.c + first_row * block.c_stride;
  std::int64_t panel = 0;
  for (; panel + 2 <= block.panels; panel += 2) {
    multiply_tiles<kInt8, kTwoRowTiles, true>(block, a, block.b + panel * panel_bytes,
                                              c + panel * kPanelRowBytes);
  }
  if (panel < block.panels) {
    multiply_tiles<kInt8, kTwoRowTiles, false>(block, a, block.b + panel * panel_bytes,
                                               c + panel * kPanelRowBytes);
  }
}

template <bool kInt8>
void multiply(const Block& block) {
  int configured = 0;
  for (std::int64_t row = 0; row < block.rows; row += 2 * kTileRows) {
    const std::int64_t left = block.rows - row;
    const int first = static_cast<int>(left < kTileRows ? left : kTileRows);
    const int second = static_cast<int>(left < 2 * kTileRows ? left - first : kTileRows);
    if (configured != first + second) configure(first, second);
    configured = first + second;
    if (second > 0) {
      multiply_rows<kInt8, true>(block, row);
    } else {
      multiply_rows<kInt8, false>(block, row);
    }
  }
  _tile_release();
}

}  // namespace

extern const Table table;
const Table table = {"amx", nullptr, multiply<false>, {multiply<true>, 128}};

}  // namespace lpmc::products::amx
