#include "lpmc/tag_to_caption/rate_limit.h"

#include <vector>

#include <gtest/gtest.h>

namespace lpmc {
namespace {

/// Sends as fast as the limiter allows for `seconds`; the times of sending.
std::vector<double> send_for(RateLimiter& limiter, double seconds, double tokens) {
  std::vector<double> times;
  for (double now = 0; now < seconds;) {
    const double wait = limiter.wait_s(tokens, now);
    if (wait > 0) {
      now += wait;
      continue;
    }
    limiter.sent(tokens, now);
    times.push_back(now);
  }
  return times;
}

int most_in_a_minute(const std::vector<double>& times) {
  std::size_t most = 0;
  for (std::size_t first = 0, last = 0; last < times.size(); ++last) {
    while (times[last] - times[first] >= 60)
      ++first;
    most = std::max(most, last - first + 1);
  }
  return static_cast<int>(most);
}

TEST(RateLimiter, NoMinuteHoldsMoreThanTheLimit) {
  for (const double rpm : {1.0, 3.0, 60.0, 500.0, 3000.0, 10000.0}) {
    RateLimiter limiter(rpm, 0);
    const std::vector<double> times = send_for(limiter, 300, 100);
    EXPECT_LE(most_in_a_minute(times), static_cast<int>(rpm)) << rpm;
    EXPECT_GE(static_cast<double>(times.size()), 0.99 * rpm * 5) << rpm;
  }
}

TEST(RateLimiter, TokensAMinute) {
  RateLimiter limiter(0, 6000);
  const std::vector<double> times = send_for(limiter, 300, 150);
  EXPECT_LE(most_in_a_minute(times), 41);
  EXPECT_GE(times.size(), 190U);
}

TEST(RateLimiter, WithoutLimitsNothingWaits) {
  RateLimiter limiter(0, 0);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(limiter.wait_s(1e6, 0), 0);
    limiter.sent(1e6, 0);
  }
}

TEST(RateLimiter, UsedTokensCorrectExpectedOnes) {
  RateLimiter limiter(0, 600);  // ten a second
  limiter.sent(100, 0);
  const double long_wait = limiter.wait_s(1, 0);
  limiter.correct(100, 20, 0);
  const double short_wait = limiter.wait_s(1, 0);
  EXPECT_NEAR(long_wait - short_wait, 8, 0.1);
}

TEST(RateLimiter, LearnsFromHeadersButNeverAboveTheUsers) {
  RateLimiter free(0, 0);
  ServerLimits limits;
  limits.requests_per_minute = 500;
  limits.tokens_per_minute = 30'000;
  free.learn(limits, 100, 0);
  EXPECT_EQ(free.rpm(), 500);
  EXPECT_EQ(free.tpm(), 30'000);
  RateLimiter bound(100, 50'000);
  bound.learn(limits, 100, 0);
  EXPECT_EQ(bound.rpm(), 100);
  EXPECT_EQ(bound.tpm(), 30'000);
  // A raised limit is seen; headers that are missing change nothing; nonsense changes nothing.
  limits.tokens_per_minute = 40'000;
  limits.requests_per_minute = -5;
  bound.learn(limits, 100, 0);
  EXPECT_EQ(bound.tpm(), 40'000);
  EXPECT_EQ(bound.rpm(), 100);
  bound.learn({}, 100, 0);
  EXPECT_EQ(bound.tpm(), 40'000);
}

TEST(RateLimiter, PausesWhereNothingRemains) {
  RateLimiter limiter(0, 0);
  ServerLimits limits;
  limits.remaining_requests = 0;
  limits.reset_requests_s = 20;
  limiter.learn(limits, 100, 5);
  EXPECT_NEAR(limiter.wait_s(1, 5), 20, 1e-9);
  EXPECT_NEAR(limiter.pause_left_s(15), 10, 1e-9);
  EXPECT_EQ(limiter.wait_s(1, 26), 0);
  // With a known rate the next one is there long before everything is.
  limits.requests_per_minute = 60;
  limits.reset_requests_s = 60;
  limiter.learn(limits, 100, 30);
  EXPECT_NEAR(limiter.pause_left_s(30), 1, 1e-9);
}

TEST(RateLimiter, APauseNeverGetsShorterAndIsBounded) {
  RateLimiter limiter(0, 0);
  limiter.pause(10, 0);
  limiter.pause(1, 0);
  EXPECT_NEAR(limiter.pause_left_s(0), 10, 1e-9);
  limiter.pause(1e12, 0);
  EXPECT_LE(limiter.pause_left_s(0), 3600);
}

TEST(AdaptiveConcurrency, BeginsWithOneAndGrowsToTheMost) {
  AdaptiveConcurrency concurrency(64, 300);
  EXPECT_EQ(concurrency.limit(), 1);
  for (int i = 0; i < 100; ++i)
    concurrency.succeeded(1, i, i + 1);
  EXPECT_EQ(concurrency.limit(), 64);
}

TEST(AdaptiveConcurrency, HalvesOnceARoundAndComesBack) {
  AdaptiveConcurrency concurrency(64, 300);
  for (int i = 0; i < 100; ++i)
    concurrency.succeeded(1, i, i + 1);
  EXPECT_TRUE(concurrency.overloaded(100, 101));
  for (int i = 0; i < 30; ++i)
    EXPECT_FALSE(concurrency.overloaded(100.5, 101.2));  // the same wave
  EXPECT_EQ(concurrency.limit(), 32);
  EXPECT_TRUE(concurrency.overloaded(102, 103));
  EXPECT_EQ(concurrency.limit(), 16);
  for (int i = 0; i < 40; ++i)
    concurrency.succeeded(1, 104, 105);
  EXPECT_GT(concurrency.limit(), 16);
  EXPECT_LT(concurrency.limit(), 25);  // one more a round, not one more an answer
  for (int i = 0; i < 10; ++i)
    EXPECT_TRUE(concurrency.overloaded(200 + 2 * i, 201 + 2 * i));
  EXPECT_EQ(concurrency.limit(), 1);
}

TEST(AdaptiveConcurrency, GoesDownWhenRequestsComeNearTheirTimeout) {
  AdaptiveConcurrency concurrency(64, 100);
  for (int i = 0; i < 100; ++i)
    concurrency.succeeded(2, i, i + 2);
  for (int i = 0; i < 50; ++i)
    concurrency.succeeded(20, 200, 220);  // slow, but far from the timeout: a full server
  EXPECT_EQ(concurrency.limit(), 64);
  concurrency.succeeded(40, 300, 340);
  EXPECT_EQ(concurrency.limit(), 51);
}

}  // namespace
}  // namespace lpmc
