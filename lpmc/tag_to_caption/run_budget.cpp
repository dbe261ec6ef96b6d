#include "lpmc/tag_to_caption/run_budget.h"

namespace lpmc {

std::int64_t estimate_tokens(std::string_view text) {
  return static_cast<std::int64_t>((text.size() + 3) / 4);
}

RunBudget::RunBudget(double max_usd, std::int64_t max_tokens, const ModelPrice& price)
    : max_usd_(max_usd), max_tokens_(max_tokens), price_(price) {}

double RunBudget::cost(std::int64_t prompt_tokens, std::int64_t completion_tokens) const {
  return static_cast<double>(prompt_tokens) * price_.usd_per_prompt_token +
         static_cast<double>(completion_tokens) * price_.usd_per_completion_token;
}

RunBudget::Amount RunBudget::most(std::int64_t prompt_tokens, std::int64_t max_completion_tokens) const {
  return {cost(prompt_tokens, max_completion_tokens), prompt_tokens + max_completion_tokens};
}

bool RunBudget::has_usd_for(const Amount& more) const {
  return max_usd_ <= 0 || spent_.usd + reserved_.usd + more.usd <= max_usd_;
}

bool RunBudget::has_tokens_for(const Amount& more) const {
  return max_tokens_ <= 0 || spent_.tokens + reserved_.tokens + more.tokens <= max_tokens_;
}

void RunBudget::reserve(const Amount& amount) {
  reserved_.usd += amount.usd;
  reserved_.tokens += amount.tokens;
}

void RunBudget::settle(const Amount& reserved, const ChatUsage& usage) {
  reserved_.usd -= reserved.usd;
  reserved_.tokens -= reserved.tokens;
  spent_.usd += cost(usage.prompt_tokens, usage.completion_tokens);
  spent_.tokens += usage.prompt_tokens + usage.completion_tokens;
}

void RunBudget::set_spent(const StoreSpending& written) {
  spent_ = {written.cost_usd, written.prompt_tokens + written.completion_tokens};
}

}  // namespace lpmc
