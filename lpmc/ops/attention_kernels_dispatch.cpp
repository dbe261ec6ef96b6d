#include "lpmc/base/cpu.h"
#include "lpmc/ops/attention_kernels.h"

namespace lpmc::kernels {

namespace baseline {
extern const AttentionTable attention_table;
}
#ifdef LPMC_KERNELS_X86
namespace avx2 {
extern const AttentionTable attention_table;
}
namespace avx512 {
extern const AttentionTable attention_table;
}
#endif

int supported(const AttentionTable* (&tables)[3]) {
  int count = 0;
  tables[count++] = &baseline::attention_table;
#ifdef LPMC_KERNELS_X86
  if (cpu_features().avx2) tables[count++] = &avx2::attention_table;
  if (cpu_features().avx512) tables[count++] = &avx512::attention_table;
#endif
  return count;
}

const AttentionTable& best_attention() {
  static const AttentionTable& fastest = [&]() -> const AttentionTable& {
    const AttentionTable* tables[3];
    return *tables[supported(tables) - 1];
  }();
  return fastest;
}

}  // namespace lpmc::kernels
