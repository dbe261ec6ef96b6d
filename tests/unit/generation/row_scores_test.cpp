#include "lpmc/generation/row_scores.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "lpmc/base/error.h"

namespace lpmc {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<float> random_row(std::mt19937& random, std::size_t size, float scale) {
  std::uniform_real_distribution<float> uniform(-scale, scale);
  std::vector<float> row(size);
  for (float& value : row)
    value = uniform(random);
  return row;
}

TEST(RowScores, LogSoftmaxIsExact) {
  std::mt19937 random(3);
  for (const std::size_t size : {1U, 2U, 15U, 16U, 17U, 63U, 1000U, 1024U, 1025U, 50265U}) {
    for (const float scale : {0.0F, 0.1F, 10.0F, 200.0F}) {
      std::vector<float> row = random_row(random, size, scale);
      if (size > 20) row[3] = row[17] = -kInfinity;
      const std::vector<float> logits = row;
      log_softmax(row, 0);
      const double max = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
      double sum = 0;
      for (const float x : logits)
        sum += std::exp(static_cast<double>(x) - max);
      for (std::size_t i = 0; i < size; ++i) {
        const double expected = static_cast<double>(logits[i]) - max - std::log(sum);
        if (std::isinf(expected)) {
          ASSERT_EQ(row[i], -kInfinity);
          continue;
        }
        // x - max and the last subtraction round once each; log(sum) has the rounding of the sum
        // and of itself, and sum <= 2^16: log(sum) < 12.
        const double tolerance = 0x1p-24 * (std::abs(expected) * 2 + 2 * 12) + 0x1p-22;
        ASSERT_NEAR(static_cast<double>(row[i]), expected, tolerance) << size << " " << scale << " " << i;
      }
    }
  }
}

TEST(RowScores, LogSumExpOverTheWholeRangeOfExp) {
  // With one 0 and one x, log(1 + exp(x)) shows the exponential of x alone: a relative error e of
  // it moves the sum by e exp(x), to which the sum's own rounding (2^-23 of under 2) is added.
  for (float x = 0; x > -90; x -= 0.00371F) {
    const std::vector<float> row{0.0F, x};
    const double found = std::exp(static_cast<double>(log_sum_exp(row, 0.0F))) - 1;
    ASSERT_NEAR(found, std::exp(static_cast<double>(x)), 0x1p-22 * std::exp(static_cast<double>(x)) + 0x1p-22)
        << x;
  }
  EXPECT_EQ(log_sum_exp(std::vector<float>{0.0F, -kInfinity, -1e30F}, 0.0F), 0.0F);
}

TEST(RowScores, RefusesWhatHasNoProbabilities) {
  const auto message = [](std::vector<float> row) -> std::string {
    try {
      log_softmax(row, 7);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::invalid_argument);
      return error.what();
    }
    return "no error";
  };
  for (const std::size_t size : {3U, 40U}) {
    for (std::size_t at = 0; at < size; ++at) {
      std::vector<float> row(size, 1.0F);
      row[at] = std::numeric_limits<float>::quiet_NaN();
      EXPECT_EQ(message(row), "logits: found NaN at row 7");
      row[at] = kInfinity;
      EXPECT_EQ(message(row), "logits: found inf at row 7");
      row[at] = -kInfinity;
      EXPECT_EQ(message(row), "no error");
    }
    EXPECT_EQ(message(std::vector<float>(size, -kInfinity)), "logits: found no finite value at row 7");
  }
}

}  // namespace
}  // namespace lpmc
