#include "lpmc/base/cpu.h"

#include <cstdlib>

#include <gtest/gtest.h>

#include "lpmc/base/error.h"

namespace lpmc {
namespace {

/// Looks at the features under a limit, in a process of its own because the answer is kept. Its exit
/// code is 0 when `check` holds, 1 when it does not, 2 for an Error(invalid_argument).
template <class Check>
[[noreturn]] void look_and_exit(const char* limit, Check check) {
  ::setenv("LPMC_ISA", limit, 1);
  try {
    std::_Exit(check(cpu_features()) ? 0 : 1);
  } catch (const Error& error) {
    std::_Exit(error.kind() == ErrorKind::invalid_argument ? 2 : 3);
  }
}

template <class Check>
void expect_exit(const char* limit, Check check, int code) {
  ::testing::GTEST_FLAG(death_test_style) = "threadsafe";
  EXPECT_EXIT(look_and_exit(limit, check), ::testing::ExitedWithCode(code), "") << limit;
}

template <class Check>
void expect_under(const char* limit, Check check) {
  expect_exit(limit, check, 0);
}

TEST(Cpu, EachLimitLeavesOutWhatIsBeyond) {
  expect_under("portable",
               [](const CpuFeatures& f) { return !f.avx2 && instruction_set() == "portable code"; });
  expect_under("avx2", [](const CpuFeatures& f) { return !f.avx_vnni && !f.avx512 && !f.amx_int8; });
  expect_under("avx_vnni", [](const CpuFeatures& f) { return !f.avx512 && !f.amx_int8; });
  expect_under("avx512",
               [](const CpuFeatures& f) { return !f.avx512_vnni && !f.avx512_bf16 && !f.avx_vnni; });
  expect_under("avx512_vnni", [](const CpuFeatures& f) { return !f.amx_int8 && !f.amx_bf16; });
  expect_under("amx", [](const CpuFeatures& f) { return f.avx512 || !f.amx_int8; });
}

TEST(Cpu, AnUnknownLimitIsAnError) {
  expect_exit(
      "sse9", [](const CpuFeatures&) { return true; }, 2);
}

}  // namespace
}  // namespace lpmc
