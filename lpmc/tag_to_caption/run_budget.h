#pragma once

#include <cstdint>
#include <string_view>

#include "lpmc/tag_to_caption/job_store.h"
#include "lpmc/tag_to_caption/prices.h"

namespace lpmc {

/// Tokens of a text where nobody has counted them: a token for every 4 bytes begun, the rule of thumb for
/// English.
std::int64_t estimate_tokens(std::string_view text);

/// What a chat message costs beside its text (role, separators), for estimates.
inline constexpr std::int64_t kTokensAroundMessage = 8;

/// Money and tokens: what may still be spent. What is in flight counts with the most that it can cost, so
/// that the stop is a hard one; several processes on one database see each other's finished requests.
class RunBudget {
 public:
  struct Amount {
    double usd = 0;
    std::int64_t tokens = 0;
  };

  /// @param max_usd, max_tokens 0 = no limit
  RunBudget(double max_usd, std::int64_t max_tokens, const ModelPrice& price);

  double cost(std::int64_t prompt_tokens, std::int64_t completion_tokens) const;
  /// The most a request can cost.
  Amount most(std::int64_t prompt_tokens, std::int64_t max_completion_tokens) const;

  bool has_limit() const { return max_usd_ > 0 || max_tokens_ > 0; }
  /// Whether the money (the tokens) would be enough for one more.
  bool has_usd_for(const Amount& more) const;
  bool has_tokens_for(const Amount& more) const;
  void reserve(const Amount& amount);
  /// The request is over: what was reserved is free, what it cost is spent.
  void settle(const Amount& reserved, const ChatUsage& usage);
  /// Spending as the database knows it, also other processes'; to be called when all of ours is written.
  void set_spent(const StoreSpending& written);

  double spent_usd() const { return spent_.usd; }
  std::int64_t spent_tokens() const { return spent_.tokens; }

 private:
  double max_usd_;
  std::int64_t max_tokens_;
  ModelPrice price_;
  Amount spent_, reserved_;
};

}  // namespace lpmc
