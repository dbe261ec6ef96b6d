// What was measured is a matter of the machine; that it is there, named and sane is a test.

#include "lpmc/ops/machine_limits.h"

#include <algorithm>

#include "lpmc/base/cpu.h"
#include "lpmc/base/threads.h"
#include "lpmc/ops/machine_rates.h"

#include "tests/support/matchers.h"

namespace lpmc {
namespace {

using test::ThrowsLpmc;

TEST(MachineLimits, NameARateForEachKindOfOperandsThatTheProcessorMultiplies) {
  const std::vector<MultiplyRate> rates = measure_multiply_rates(0.001);
  const auto count = [&](DType arithmetic) {
    return std::count_if(rates.begin(), rates.end(),
                         [&](const MultiplyRate& rate) { return rate.arithmetic == arithmetic; });
  };
  const CpuFeatures& cpu = cpu_features();
  EXPECT_EQ(count(DType::f32), 1);
  EXPECT_EQ(count(DType::bf16), int{cpu.avx512_bf16} + int{cpu.amx_bf16});
  EXPECT_EQ(count(DType::i8), int{cpu.avx2} + int{cpu.amx_int8});
  for (const MultiplyRate& rate : rates) {
    EXPECT_FALSE(rate.instructions.empty());
    EXPECT_GT(rate.operations_per_s, 1e6) << rate.instructions;
  }
}

TEST(MachineLimits, ReadBandwidthOfAnySize) {
  for (const std::int64_t bytes : {1, 511, 100000, 3 << 20}) {
    EXPECT_GT(measure_read_bandwidth(bytes, 0.001), 1e3) << bytes;
  }
  EXPECT_THAT([] { measure_read_bandwidth(0, 0.001); },
              ThrowsLpmc(ErrorKind::invalid_argument, "expected at least 1 byte, found 0"));
}

/// Every bit of the memory counts: a loop that left some out would find a machine faster than it is.
TEST(MachineLimits, ReadLoopsReadEveryWord) {
  std::vector<std::uint64_t> words(4 * 512 / 8, 0);
  for (int i = 0; i < machine_rates::num_read_loops; ++i) {
    const machine_rates::ReadLoop& loop = machine_rates::read_loops[i];
    if (loop.needs == machine_rates::Needs::avx2 && !cpu_features().avx2) continue;
    if (loop.needs == machine_rates::Needs::avx512 && !cpu_features().avx512) continue;
    for (std::size_t word = 0; word < words.size(); ++word) {
      words[word] = 1 + word;
      EXPECT_EQ(loop.run(words.data(), static_cast<std::int64_t>(words.size() * 8)), 1 + word);
      words[word] = 0;
    }
  }
}

}  // namespace
}  // namespace lpmc
