#include "lpmc/base/cpu.h"
#include "lpmc/generation/row_kernels.h"

namespace lpmc::row_kernels {

namespace baseline {
extern const Table table;
}
#ifdef LPMC_ROW_KERNELS_X86
namespace avx2 {
extern const Table table;
}
namespace avx512 {
extern const Table table;
}
#endif

int supported(const Table* (&tables)[3]) {
  int count = 0;
  tables[count++] = &baseline::table;
#ifdef LPMC_ROW_KERNELS_X86
  if (cpu_features().avx2) tables[count++] = &avx2::table;
  if (cpu_features().avx512) tables[count++] = &avx512::table;
#endif
  return count;
}

const Table& best() {
  static const Table& fastest = []() -> const Table& {
    const Table* tables[3];
    return *tables[supported(tables) - 1];
  }();
  return fastest;
}

}  // namespace lpmc::row_kernels
