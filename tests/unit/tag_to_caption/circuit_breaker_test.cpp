#include "lpmc/tag_to_caption/circuit_breaker.h"

#include <gtest/gtest.h>

namespace lpmc {
namespace {

BreakerOptions small() {
  return {.failures = 3, .first_pause_s = 10, .longest_pause_s = 30, .probes = 4};
}

TEST(CircuitBreaker, OpensAfterFailuresInARow) {
  CircuitBreaker breaker(small());
  breaker.failed(0);
  breaker.failed(0);
  breaker.succeeded();
  breaker.failed(1);
  breaker.failed(1);
  EXPECT_FALSE(breaker.is_open());
  EXPECT_TRUE(breaker.may_send(1));
  breaker.failed(1);
  EXPECT_TRUE(breaker.is_open());
  EXPECT_FALSE(breaker.may_send(10.9));
  EXPECT_NEAR(breaker.pause_left_s(1), 10, 1e-9);
  EXPECT_TRUE(breaker.may_send(11));
}

TEST(CircuitBreaker, ProbesOneAtATimeWithLongerPauses) {
  CircuitBreaker breaker(small());
  for (int i = 0; i < 3; ++i)
    breaker.failed(0);
  breaker.failed(5);  // one that was under way: changes nothing
  EXPECT_TRUE(breaker.may_send(10));
  breaker.probe_sent();
  EXPECT_FALSE(breaker.may_send(10));
  breaker.failed(11);
  EXPECT_NEAR(breaker.pause_left_s(11), 20, 1e-9);
  breaker.probe_sent();
  breaker.failed(31);
  EXPECT_NEAR(breaker.pause_left_s(31), 30, 1e-9);  // 40 is more than the longest
  EXPECT_FALSE(breaker.has_given_up());
  breaker.probe_sent();
  breaker.succeeded();
  EXPECT_FALSE(breaker.is_open());
  EXPECT_TRUE(breaker.may_send(31));
}

TEST(CircuitBreaker, GivesUpAfterManyProbes) {
  CircuitBreaker breaker(small());
  for (int i = 0; i < 3; ++i)
    breaker.failed(0);
  for (int i = 0; i < 4; ++i) {
    EXPECT_FALSE(breaker.has_given_up());
    breaker.probe_sent();
    breaker.failed(100 * i);
  }
  EXPECT_TRUE(breaker.has_given_up());
}

}  // namespace
}  // namespace lpmc
