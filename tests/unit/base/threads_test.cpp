#include "lpmc/base/threads.h"

#include <atomic>
#include <numeric>
#include <thread>
#include <vector>

#include "tests/support/matchers.h"

namespace lpmc {
namespace {

using test::ThrowsLpmc;

class Threads : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override { set_num_threads(GetParam()); }
  void TearDown() override { set_num_threads(0); }
};

TEST_P(Threads, CallEveryIndexOnce) {
  for (const std::int64_t count : {0, 1, 2, 7, 1000}) {
    std::vector<std::atomic<int>> calls(static_cast<std::size_t>(count));
    parallel_for(count, [&](std::int64_t i) { calls[static_cast<std::size_t>(i)].fetch_add(1); });
    for (const auto& n : calls)
      EXPECT_EQ(n.load(), 1);
  }
}

TEST_P(Threads, ManySmallJobsInARow) {
  std::int64_t sum = 0;
  for (int job = 0; job < 20000; ++job) {
    std::atomic<std::int64_t> total{0};
    parallel_for(3, [&](std::int64_t i) { total.fetch_add(i + job); });
    sum += total.load();
  }
  EXPECT_EQ(sum, 3LL * (20000LL * 19999 / 2) + 20000LL * 3);
}

TEST_P(Threads, RethrowTheFirstErrorAndGoOnWorking) {
  EXPECT_THAT([] { parallel_for(100, [](std::int64_t i) { LPMC_REQUIRE(i != 40, io, "index {}", i); }); },
              ThrowsLpmc(ErrorKind::io, "index 40"));
  std::atomic<int> calls{0};
  parallel_for(10, [&](std::int64_t) { ++calls; });
  EXPECT_EQ(calls.load(), 10);
}

TEST_P(Threads, NestedAndConcurrentCallsRunOnTheirOwnThread) {
  std::atomic<int> inner{0};
  parallel_for(4, [&](std::int64_t) { parallel_for(5, [&](std::int64_t) { ++inner; }); });
  EXPECT_EQ(inner.load(), 20);
  std::atomic<int> outer{0};
  std::vector<std::thread> callers;
  for (int t = 0; t < 4; ++t) {
    callers.emplace_back([&] {
      for (int i = 0; i < 500; ++i)
        parallel_for(8, [&](std::int64_t) { ++outer; });
    });
  }
  for (std::thread& caller : callers)
    caller.join();
  EXPECT_EQ(outer.load(), 4 * 500 * 8);
}

INSTANTIATE_TEST_SUITE_P(Counts, Threads, ::testing::Values(1, 2, 5));

TEST(ThreadCount, RefusesNonsense) {
  EXPECT_THAT([] { set_num_threads(-1); },
              ThrowsLpmc(ErrorKind::invalid_argument, "expected 0 to 1024, found -1"));
  set_num_threads(0);
  EXPECT_EQ(num_threads(), num_cores());
}

}  // namespace
}  // namespace lpmc
