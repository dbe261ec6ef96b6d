// The best tokens of a row against log-softmax, processors and a sort done plainly.

#include "lpmc/generation/row_scan.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "lpmc/base/error.h"
#include "lpmc/generation/logits_processors.h"

namespace lpmc {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr std::size_t kSizes[] = {2, 15, 16, 17, 61, 64, 65, 1023, 1024, 1025, 1382, 50265};

std::vector<float> random_row(std::mt19937& random, std::size_t size, float scale) {
  std::uniform_real_distribution<float> uniform(-scale, scale);
  std::vector<float> row(size);
  for (float& value : row)
    value = uniform(random);
  return row;
}

/// All scores sorted; the log-sum is the scan's, checked elsewhere, so that nothing is left to rounding.
std::vector<TokenScore> plain_top(std::vector<float> row, const RowScoring& scoring, std::size_t k,
                                  const LogitsProcessors& processors,
                                  std::span<const std::int32_t> sequence) {
  for (float& value : row)
    value = (value - scoring.log_softmax.max) - scoring.log_softmax.log_sum;
  processors.apply(sequence, row);
  std::vector<TokenScore> all;
  for (std::size_t i = 0; i < row.size(); ++i)
    all.push_back({row[i] + scoring.add, static_cast<std::int32_t>(i)});
  std::stable_sort(all.begin(), all.end(),
                   [](const TokenScore& a, const TokenScore& b) { return a.score > b.score; });
  all.resize(std::min(k, all.size()));
  return all;
}

void expect_equal(const std::vector<TokenScore>& found, const std::vector<TokenScore>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    ASSERT_EQ(found[i].token, expected[i].token) << i;
    ASSERT_EQ(found[i].score, expected[i].score) << i;
  }
}

/// Rows of all kinds: spread, many ties, impossible tokens, everything equal, rounded to one score.
std::vector<float> row_of_kind(std::mt19937& random, std::size_t size, unsigned kind) {
  std::vector<float> row = random_row(random, size, kind % 2 == 0 ? 8.0F : 3.0F);
  if (kind % 6 == 2 || kind % 6 == 3) {
    for (float& value : row)
      value = random() % 4 == 0 ? -kInfinity : std::round(value);
    row[random() % size] = 1;
  }
  if (kind % 6 == 4) row.assign(size, 0.5F);
  if (kind % 6 == 5) {  // tokens of some whole blocks equal and high
    const std::size_t lane = random() % 16;
    for (std::size_t i = lane; i < size; i += 16)
      row[i] = 9.0F;
  }
  return row;
}

TEST(RowScan, TopTokensEqualASort) {
  std::mt19937 random(5);
  for (const std::size_t size : kSizes) {
    RowScan scan(size);
    const unsigned repeats = size > 2000 ? 60 : 300;
    for (unsigned repeat = 0; repeat < repeats; ++repeat) {
      const std::vector<float> row = row_of_kind(random, size, repeat);
      GenerationOptions options;
      options.no_repeat_ngram = static_cast<int>(random() % 4);
      options.repetition_penalty = repeat % 5 == 0 ? 1.0 : repeat % 5 == 1 ? 0.7 : 1.5;
      options.min_length = repeat % 3 == 0 ? 128 : 0;
      SpecialTokens special;
      special.forced_bos = special.forced_eos = -1;
      special.eos = static_cast<std::int32_t>(random() % size);
      const LogitsProcessors processors(options, special);

      std::vector<float> logits = row;
      const LogSoftmax log_probability = scan.read(logits, 0);
      const float adds[] = {0.0F, -3.25F, -1e9F, -kInfinity};
      const RowScoring scoring{log_probability, adds[random() % 4]};
      const std::size_t k = 1 + random() % (repeat % 7 == 0 ? 200 : 12);
      // The sequence holds the best tokens, so that bans and penalties fall on them.
      std::vector<std::int32_t> sequence{0};
      for (const TokenScore& token : plain_top(row, {log_probability, 0}, 1 + random() % 20,
                                               LogitsProcessors({.no_repeat_ngram = 0}, special), sequence)) {
        sequence.push_back(token.token);
        if (random() % 2 == 0) sequence.push_back(sequence[random() % sequence.size()]);
      }
      std::vector<TokenChange> changes;
      processors.find_changes(sequence, logits, log_probability, changes);
      EXPECT_LE(changes.size(), processors.max_changes());
      std::vector<TokenScore> found{{1.0F, 99}};
      scan.top_tokens(logits, scoring, changes, k, found);
      expect_equal(found, plain_top(row, scoring, k, processors, sequence));
      ASSERT_EQ(logits, row);
      // Once more from the same reading, without changes.
      const LogitsProcessors none({.min_length = 0, .no_repeat_ngram = 0}, special);
      scan.top_tokens(logits, scoring, {}, k, found);
      expect_equal(found, plain_top(row, scoring, k, none, sequence));
      if (testing::Test::HasFatalFailure()) FAIL() << "size " << size << " repeat " << repeat << " k " << k;
    }
  }
}

TEST(RowScan, LogSumIsExact) {
  std::mt19937 random(6);
  for (const std::size_t size : kSizes) {
    RowScan scan(size);
    for (const float scale : {0.0F, 0.1F, 10.0F, 200.0F, 1e38F}) {
      for (const bool rising : {false, true}) {  // rising: a new maximum in every stretch
        std::vector<float> row = random_row(random, size, scale);
        if (rising) std::sort(row.begin(), row.end());
        if (size > 1024) std::fill_n(row.begin(), 1024, -kInfinity);
        const LogSoftmax found = scan.read(row, 0);
        const double max = static_cast<double>(*std::max_element(row.begin(), row.end()));
        double sum = 0;
        for (const float x : row)
          sum += std::exp(static_cast<double>(x) - max);
        EXPECT_EQ(static_cast<double>(found.max), max);
        // Relative errors of the sum: the exponentials' own (2^-22); those of logit - max rounded, d 2^-24
        // at a distance d, whose mean over the exponentials is at most the entropy, ln 50265 < 11; 18
        // roundings of sums. The logarithm, below 11, is rounded to 2^-21 at worst.
        const double tolerance = 0x1p-22 + 11 * 0x1p-24 + 18 * 0x1p-24 + 0x1p-21;
        EXPECT_NEAR(static_cast<double>(found.log_sum), std::log(sum), tolerance) << size << " " << scale;
      }
    }
  }
}

TEST(RowScan, RefusesWhatHasNoProbabilities) {
  const auto message = [](const std::vector<float>& row) -> std::string {
    try {
      RowScan(row.size()).read(row, 7);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::invalid_argument);
      return error.what();
    }
    return "no error";
  };
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const std::size_t size : {2U, 40U, 1024U, 2100U}) {
    for (const float others : {1.0F, -3e38F, -kInfinity}) {
      for (std::size_t at = 0; at < size; at += 1 + size / 40) {
        std::vector<float> row(size, others);
        row[at] = nan;
        EXPECT_EQ(message(row), "logits: found NaN at row 7");
        row[size - 1 - at] = kInfinity;
        if (size - 1 - at != at) {
          EXPECT_EQ(message(row), "logits: found NaN at row 7");
        }
        row[at] = kInfinity;
        EXPECT_EQ(message(row), "logits: found inf at row 7");
        row[at] = row[size - 1 - at] = 0;
        EXPECT_EQ(message(row), "no error");
      }
    }
    EXPECT_EQ(message(std::vector<float>(size, -kInfinity)), "logits: found no finite value at row 7");
  }
}

}  // namespace
}  // namespace lpmc
