#include "lpmc/ops/machine_limits.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <optional>

#include "lpmc/base/cpu.h"
#include "lpmc/base/error.h"
#include "lpmc/base/threads.h"
#include "lpmc/ops/machine_rates.h"
#include "lpmc/ops/weight_memory.h"

namespace lpmc {
namespace {

using machine_rates::MultiplyLoop;
using machine_rates::Needs;
using machine_rates::Operands;
using machine_rates::ReadLoop;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

bool machine_has(Needs needs) {
  const CpuFeatures& cpu = cpu_features();
  switch (needs) {
    case Needs::nothing:
      return true;
    case Needs::avx2:
      return cpu.avx2;
    case Needs::avx_vnni:
      return cpu.avx_vnni;
    case Needs::avx512:
      return cpu.avx512;
    case Needs::avx512_vnni:
      return cpu.avx512_vnni;
    case Needs::avx512_bf16:
      return cpu.avx512_bf16;
    case Needs::amx_int8:
      return cpu.amx_int8;
    case Needs::amx_bf16:
      return cpu.amx_bf16;
  }
  return false;
}

bool uses_tiles(const MultiplyLoop& loop) {
  return loop.needs == Needs::amx_int8 || loop.needs == Needs::amx_bf16;
}

DType dtype_of(Operands operands) {
  switch (operands) {
    case Operands::f32:
      return DType::f32;
    case Operands::bf16:
      return DType::bf16;
    case Operands::int8:
      return DType::i8;
  }
  return DType::f32;
}

/// The loop of the widest vectors for these operands, or the one on tiles.
std::optional<MultiplyLoop> best_loop(Operands operands, bool tiles) {
  std::optional<MultiplyLoop> best;
  for (int i = 0; i < machine_rates::num_multiply_loops; ++i) {
    const MultiplyLoop& loop = machine_rates::multiply_loops[i];
    if (loop.operands == operands && uses_tiles(loop) == tiles && machine_has(loop.needs)) best = loop;
  }
  return best;
}

/// In pieces short enough for some to run undisturbed on a busy machine; the fastest of as many repeats
/// as fit.
double operations_per_s(const MultiplyLoop& loop, double seconds) {
  constexpr double kPieceS = 0.0005;
  std::int64_t rounds = 1024;
  for (double elapsed_s = 0; elapsed_s < kPieceS;) {
    rounds *= 2;
    const auto start = Clock::now();
    loop.run(rounds);
    elapsed_s = seconds_since(start);
  }
  const std::int64_t pieces = 4 * std::int64_t{num_threads()};
  double best_s = 1e9;
  const auto begin = Clock::now();
  do {
    const auto start = Clock::now();
    parallel_for(pieces, [&](std::int64_t) { loop.run(rounds); });
    best_s = std::min(best_s, seconds_since(start));
  } while (seconds_since(begin) < seconds);
  return static_cast<double>(pieces * rounds) * loop.operations / best_s;
}

const ReadLoop& best_read_loop() {
  const ReadLoop* best = machine_rates::read_loops;
  for (int i = 0; i < machine_rates::num_read_loops; ++i) {
    if (machine_has(machine_rates::read_loops[i].needs)) best = machine_rates::read_loops + i;
  }
  return *best;
}

}  // namespace

std::vector<MultiplyRate> measure_multiply_rates(double seconds) {
  std::vector<MultiplyRate> rates;
  for (const Operands operands : {Operands::f32, Operands::bf16, Operands::int8}) {
    for (const bool tiles : {false, true}) {
      const auto loop = best_loop(operands, tiles);
      if (!loop) continue;
      rates.push_back({dtype_of(operands), loop->instructions, operations_per_s(*loop, seconds)});
    }
  }
  return rates;
}

double measure_read_bandwidth(std::int64_t bytes, double seconds) {
  LPMC_REQUIRE(bytes >= 1, invalid_argument, "read bandwidth: expected at least 1 byte, found {}", bytes);
  constexpr std::int64_t kLine = 512;  // what a read loop takes at once
  // Pieces as large as a slice of packed weights, so that their hand-out costs what a product's does.
  constexpr std::int64_t kLargestPiece = 256 << 10;
  const std::int64_t lines = (bytes + kLine - 1) / kLine;
  const std::int64_t shared = (lines + 4 * num_threads() - 1) / (4 * num_threads());
  const std::int64_t piece = std::min(shared, kLargestPiece / kLine);
  const std::int64_t pieces = (lines + piece - 1) / piece;
  const std::shared_ptr<std::byte> buffer = weight_memory(lines * kLine);
  std::byte* data = buffer.get();
  const auto for_pieces = [&](auto&& body) {
    parallel_for(pieces, [&](std::int64_t i) {
      body(data + i * piece * kLine, std::min(piece, lines - i * piece) * kLine);
    });
  };
  for_pieces(
      [](std::byte* begin, std::int64_t size) { std::memset(begin, 1, static_cast<std::size_t>(size)); });
  const ReadLoop& loop = best_read_loop();
  std::atomic<std::uint64_t> sum{0};  // so that what was read is used
  double best_s = 1e9;
  const auto begin = Clock::now();
  do {
    const auto start = Clock::now();
    for_pieces([&](const std::byte* at, std::int64_t size) { sum += loop.run(at, size); });
    best_s = std::min(best_s, seconds_since(start));
  } while (seconds_since(begin) < seconds);
  return static_cast<double>(lines * kLine) / best_s;
}

}  // namespace lpmc
