// bert_score's CSV of baselines: any bytes give numbers that can be rescaled with, or an Error.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "lpmc/base/error.h"
#include "lpmc/evaluation/bertscore.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const lpmc::BertScoreBaseline baseline({reinterpret_cast<const char*>(data), size}, "baseline", 1);
    const lpmc::BertScoreValue value = baseline.rescale({0.5, 0.5, 0.5});
    if (!std::isfinite(value.precision) || !std::isfinite(value.recall) || !std::isfinite(value.f1))
      std::abort();
  } catch (const lpmc::Error&) {
  }
  return 0;
}
