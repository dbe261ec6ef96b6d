#include "lpmc/base/cpu.h"
#include "lpmc/ops/product_kernels.h"

namespace lpmc::products {

namespace portable {
extern const Table table;
}
#ifdef LPMC_KERNELS_X86
namespace avx2 {
extern const Table table;
}
namespace avx_vnni {
extern const Table table;
}
namespace avx512 {
extern const Table table;
}
namespace avx512_vnni {
extern const Table table;
}
namespace avx512_bf16 {
extern const Table table;
}
namespace amx {
extern const Table table;
}
#endif

int supported(const Table* (&tables)[kMostVariants]) {
  int count = 0;
  tables[count++] = &portable::table;
#ifdef LPMC_KERNELS_X86
  const CpuFeatures& cpu = cpu_features();
  if (cpu.avx2) tables[count++] = &avx2::table;
  if (cpu.avx_vnni) tables[count++] = &avx_vnni::table;
  if (cpu.avx512) tables[count++] = &avx512::table;
  if (cpu.avx512_vnni) tables[count++] = &avx512_vnni::table;
  if (cpu.avx512_bf16) tables[count++] = &avx512_bf16::table;
  if (cpu.amx_int8 && cpu.amx_bf16) tables[count++] = &amx::table;
#endif
  return count;
}

const Table& best() {
  // The variants come in rising order; a later one replaces what it has a kernel for.
  static const Table fastest = [] {
    Table table = {"", nullptr, nullptr, {}};
    const Table* tables[kMostVariants];
    const int count = supported(tables);
    for (int i = 0; i < count; ++i) {
      table.name = tables[i]->name;
      if (tables[i]->f32 != nullptr) table.f32 = tables[i]->f32;
      if (tables[i]->bf16 != nullptr) table.bf16 = tables[i]->bf16;
      if (tables[i]->int8.multiply != nullptr) table.int8 = tables[i]->int8;
    }
    return table;
  }();
  return fastest;
}

}  // namespace lpmc::products
