#include "lpmc/tag_to_caption/prices.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "lpmc/base/error.h"
#include "lpmc/tag_to_caption/run_budget.h"
#include "lpmc/tag_to_caption/run_estimate.h"

namespace lpmc {
namespace {

constexpr const char* kTable = R"({"as_of": "2025-06", "models": [
  {"model": "gpt-4o", "prompt_usd_per_million": 2.5, "completion_usd_per_million": 10},
  {"model": "gpt-4o-mini", "prompt_usd_per_million": 0.15, "completion_usd_per_million": 0.6}]})";

TEST(PriceTable, FindsDatedNamesAndNeverGuesses) {
  const PriceTable table = PriceTable::parse(kTable, "prices");
  EXPECT_EQ(table.as_of(), "2025-06");
  for (const char* const name : {"gpt-4o-mini", "gpt-4o-mini-2024-07-18", "gpt-4o-mini-latest"}) {
    const auto price = table.find(name);
    ASSERT_TRUE(price.has_value()) << name;
    EXPECT_DOUBLE_EQ(price->usd_per_prompt_token * 1e6, 0.15);
    EXPECT_DOUBLE_EQ(price->usd_per_completion_token * 1e6, 0.6);
  }
  EXPECT_DOUBLE_EQ(table.find("gpt-4o-2024-08-06")->usd_per_prompt_token * 1e6, 2.5);
  for (const char* const name :
       {"gpt-4", "gpt-4o-audio-preview", "gpt-4o-miniature", "my/gpt-4o", "gpt-4o-1", ""}) {
    EXPECT_FALSE(table.find(name).has_value()) << name;
  }
}

TEST(PriceTable, TheInstalledTableReads) {
  const PriceTable table = PriceTable::read(LPMC_SOURCE_DIR "/data/llm_prices.json");
  EXPECT_TRUE(table.find("gpt-3.5-turbo-0125").has_value());
  EXPECT_FALSE(table.as_of().empty());
}

TEST(PriceTable, TheInstalledTableMakesSense) {
  const PriceTable table = PriceTable::read(LPMC_SOURCE_DIR "/data/llm_prices.json");
  const auto price = [&](const char* model) { return table.find(model).value(); };
  for (const char* const model :
       {"gpt-3.5-turbo", "gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano"}) {
    EXPECT_GT(price(model).usd_per_prompt_token, 0) << model;
    EXPECT_GT(price(model).usd_per_completion_token, price(model).usd_per_prompt_token) << model;
    EXPECT_LT(price(model).usd_per_completion_token * 1e6, 100)
        << model;  // dollars a million, not a thousand
  }
  EXPECT_LT(price("gpt-4o-mini").usd_per_prompt_token, price("gpt-4o").usd_per_prompt_token);
  EXPECT_LT(price("gpt-4.1-nano").usd_per_prompt_token, price("gpt-4.1-mini").usd_per_prompt_token);
}

TEST(PriceTable, WrongFilesAreNamed) {
  for (const char* const text :
       {"", "[]", "{", R"({"models": {}})", R"({"models": [3]})", R"({"models": [{"model": ""}]})",
        R"({"models": [{"model": "a", "prompt_usd_per_million": "1", "completion_usd_per_million": 1}]})",
        R"({"models": [{"model": "a", "prompt_usd_per_million": -1, "completion_usd_per_million": 1}]})"}) {
    try {
      (void)PriceTable::parse(text, "my prices");
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::corrupt);
      EXPECT_NE(std::string(error.what()).find("my prices"), std::string::npos);
    }
  }
  EXPECT_THROW((void)PriceTable::read("/no/such/file.json"), Error);
}

TEST(RunEstimator, CountsRequestsTokensPriceAndHours) {
  const auto prompts = published_prompts();
  RunEstimator estimator({prompts.begin(), prompts.end()});
  const std::vector<std::string> tags = {"jazz", "piano"};
  for (int i = 0; i < 1000; ++i)
    estimator.add(tags);
  estimator.add({});
  RunLimits limits;
  limits.rpm = 100;
  const RunEstimate estimate = estimator.estimate(ModelPrice{1e-6, 2e-6}, limits);
  EXPECT_EQ(estimate.requests, 4000);
  std::int64_t prompt_tokens = 0;
  for (const Prompt& prompt : prompts) {
    prompt_tokens += static_cast<std::int64_t>((make_query(prompt, tags).size() + 3) / 4) + 8;
  }
  EXPECT_EQ(estimate.prompt_tokens, 1000 * prompt_tokens);
  EXPECT_EQ(estimate.completion_tokens, 1000 * (3 * kTokensOfAnswer + kTokensOfDictionary));
  EXPECT_NEAR(estimate.cost_usd.value(),
              static_cast<double>(estimate.prompt_tokens + 2 * estimate.completion_tokens) * 1e-6, 1e-9);
  EXPECT_NEAR(estimate.batch_cost_usd.value(), estimate.cost_usd.value() / 2, 1e-9);
  EXPECT_NEAR(estimate.hours.value(), 40.0 / 60, 1e-9);
  limits.tpm = 1000;  // the tighter one counts
  EXPECT_NEAR(estimator.estimate({}, limits).hours.value(),
              static_cast<double>(estimate.prompt_tokens + estimate.completion_tokens) / 1000 / 60, 1e-6);
  EXPECT_FALSE(estimator.estimate({}, limits).cost_usd.has_value());
  EXPECT_FALSE(estimator.estimate({}, RunLimits{}).hours.has_value());
}

TEST(RunBudget, WhatIsInFlightCounts) {
  RunBudget budget(1.0, 0, {0.001, 0.002});
  const RunBudget::Amount one = budget.most(100, 100);
  EXPECT_NEAR(one.usd, 0.3, 1e-12);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(budget.has_usd_for(one));
    budget.reserve(one);
  }
  EXPECT_FALSE(budget.has_usd_for(one));  // 1.2 might be spent
  budget.settle(one, {100, 20, true});    // 0.14 was
  EXPECT_TRUE(budget.has_usd_for({0.25, 1}));
  EXPECT_FALSE(budget.has_usd_for({0.27, 1}));
  EXPECT_EQ(budget.spent_tokens(), 120);
  budget.set_spent({1, 1000, 500, 0.9});
  EXPECT_FALSE(budget.has_usd_for({0.01, 1}));
}

TEST(RunBudget, Tokens) {
  RunBudget budget(0, 1000, {});
  EXPECT_TRUE(budget.has_limit());
  EXPECT_TRUE(budget.has_tokens_for({0, 1000}));
  EXPECT_FALSE(budget.has_tokens_for({0, 1001}));
  EXPECT_TRUE(budget.has_usd_for({1e9, 0}));
}

}  // namespace
}  // namespace lpmc
