#include "lpmc/base/cpu.h"

#include <array>
#include <cstdlib>
#include <string_view>

#include "lpmc/base/error.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace lpmc {
namespace {

#if defined(__x86_64__)

struct Registers {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Registers cpuid(unsigned leaf, unsigned subleaf) {
  Registers r;
  if (__get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx) == 0) return {};
  return r;
}

bool has_bit(unsigned word, int bit) {
  return ((word >> bit) & 1U) != 0;
}

/// Linux keeps tile registers from a process until it asks (arch_prctl, since 5.16); threads that
/// exist and those to come are let in together.
bool tiles_permitted() {
  constexpr long kArchReqXcompPerm = 0x1023;
  constexpr long kXfeatureXtileData = 18;
  return ::syscall(SYS_arch_prctl, kArchReqXcompPerm, kXfeatureXtileData) == 0;
}

CpuFeatures detect() {
  __builtin_cpu_init();  // its answers take into account which registers the system saves
  CpuFeatures f;
  f.avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_bit(cpuid(1, 0).ecx, 29);
  f.avx512 = f.avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  f.avx512_vnni = f.avx512 && __builtin_cpu_supports("avx512vnni");
  const Registers leaf7_0 = cpuid(7, 0);
  const Registers leaf7_1 = cpuid(7, 1);
  f.avx_vnni = f.avx2 && has_bit(leaf7_1.eax, 4);
  f.avx512_bf16 = f.avx512 && has_bit(leaf7_1.eax, 5);
  if (f.avx512 && has_bit(leaf7_0.edx, 24) && tiles_permitted()) {
    f.amx_bf16 = has_bit(leaf7_0.edx, 22);
    f.amx_int8 = has_bit(leaf7_0.edx, 25);
  }
  return f;
}

#else

CpuFeatures detect() {
  return {};
}

#endif

/// Names of LPMC_ISA, each allowing what the ones before it allow, and more.
constexpr std::array<std::string_view, 6> kLimits = {"portable", "avx2",        "avx_vnni",
                                                     "avx512",   "avx512_vnni", "amx"};
enum Limit : std::size_t { kPortable, kAvx2, kAvxVnni, kAvx512, kAvx512Vnni, kAmx };

CpuFeatures limited(CpuFeatures f, std::size_t limit) {
  f.avx2 = f.avx2 && limit >= kAvx2;
  // "avx512" is for machines that have nothing newer, so it does not allow AVX-VNNI.
  f.avx_vnni = f.avx_vnni && limit >= kAvxVnni && limit != kAvx512;
  f.avx512 = f.avx512 && limit >= kAvx512;
  f.avx512_vnni = f.avx512_vnni && limit >= kAvx512Vnni;
  f.avx512_bf16 = f.avx512_bf16 && limit >= kAvx512Vnni;
  f.amx_int8 = f.amx_int8 && limit >= kAmx;
  f.amx_bf16 = f.amx_bf16 && limit >= kAmx;
  return f;
}

CpuFeatures allowed() {
  const char* wanted = std::getenv("LPMC_ISA");
  if (wanted == nullptr || *wanted == '\0') return detect();
  for (std::size_t limit = 0; limit < kLimits.size(); ++limit) {
    if (kLimits[limit] == wanted) return limited(detect(), limit);
  }
  fail(ErrorKind::invalid_argument,
       "LPMC_ISA: expected portable, avx2, avx_vnni, avx512, avx512_vnni or amx, found '{}'", wanted);
}

}  // namespace

const CpuFeatures& cpu_features() {
  static const CpuFeatures features = allowed();
  return features;
}

std::string instruction_set() {
  const CpuFeatures& f = cpu_features();
  if (!f.avx2) return "portable code";
  if (!f.avx512) return f.avx_vnni ? "AVX2 with VNNI" : "AVX2";
  std::string extras;
  const auto add = [&](bool has, std::string_view name) {
    if (has) extras += (extras.empty() ? " with " : ", ") + std::string(name);
  };
  add(f.avx512_vnni, "VNNI");
  add(f.avx512_bf16, "BF16");
  add(f.amx_int8 || f.amx_bf16, "AMX");
  return "AVX-512" + extras;
}

}  // namespace lpmc
