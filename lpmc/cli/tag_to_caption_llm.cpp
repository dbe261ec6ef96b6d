#include "lpmc/cli/tag_to_caption_llm.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>
#include <utility>

#include "lpmc/base/error.h"
#include "lpmc/base/log.h"
#include "lpmc/base/utf8.h"
#include "lpmc/hub/data_folder.h"
#include "lpmc/tag_to_caption/baselines.h"

namespace lpmc::cli {
namespace {

constexpr const char* kOpenAiUrl = "https://api.openai.com/v1";
constexpr const char* kOpenAiModel = "gpt-4o-mini";
constexpr const char* kUrlVariable = "LPMC_LLM_URL";
constexpr int kLooksForEnd = 30;
constexpr auto kLookInterval = std::chrono::milliseconds(10);

bool is_url(std::string_view text) {
  return text.starts_with("http://") || text.starts_with("https://");
}

/// "http://[::1]:8080/v1" and the like: what is sent there does not leave this machine.
bool is_loopback(std::string_view url) {
  const std::string_view host = url.substr(url.find("//") + 2);
  const auto is_host = [&](std::string_view name) {
    return host.starts_with(name) &&
           (host.size() == name.size() || host[name.size()] == ':' || host[name.size()] == '/');
  };
  return is_host("localhost") || is_host("[::1]") || host.starts_with("127.");
}

LlmChoice server_choice(std::string url, const TagToCaptionFlags& flags, const Secret& key, const char* why) {
  LPMC_REQUIRE(is_url(url), invalid_argument,
               "{}: expected the address of a server (http://... or https://...), found '{}'",
               flags.llm == "auto" ? kUrlVariable : "--llm", replace_invalid_utf8(url));
  if (!key.empty() && url.starts_with("http://") && !is_loopback(url))
    log(LogLevel::warning, "{}: the API key goes there unencrypted; https:// would hide it", url);
  LlmChoice choice{LlmKind::server, std::move(url), flags.llm_model, ""};
  choice.words = fmt::format("{}{}{}", choice.url, choice.model.empty() ? "" : ", " + choice.model, why);
  return choice;
}

LlmChoice openai_choice(const TagToCaptionFlags& flags, const Secret& key, const char* why) {
  LPMC_REQUIRE(!key.empty(), not_found,
               "--llm openai: expected an API key in the environment variable OPENAI_API_KEY or in a file "
               "(--api-key-file), found none");
  LlmChoice choice{LlmKind::server, kOpenAiUrl, flags.llm_model.empty() ? kOpenAiModel : flags.llm_model, ""};
  choice.words = fmt::format("OpenAI, {}{}", choice.model, why);
  return choice;
}

LlmChoice automatic_choice(const TagToCaptionFlags& flags, const Secret& key) {
  const char* url = std::getenv(kUrlVariable);
  if (url != nullptr && *url != '\0') return server_choice(url, flags, key, " (LPMC_LLM_URL)");
  if (!key.empty()) return openai_choice(flags, key, " (an API key is there)");
  return {LlmKind::local, "", "", "local llama-server (no API key, no LPMC_LLM_URL)"};
}

LocalLlmOptions local_options(const TagToCaptionFlags& flags, std::stop_token stop) {
  LocalLlmOptions options;
  options.server = flags.llama_server;
  options.gguf = flags.gguf;
  if (const auto data = user_data_folder(); !data.empty()) options.folder = data / "llm";
  options.threads = flags.common.threads;
  if (flags.concurrency_given) options.parallel = std::clamp(flags.limits.concurrency, 1, 64);
  // Question and answer share a slot.
  options.context_tokens = options.parallel * std::max(1024, 2 * flags.max_tokens);
  options.stop = std::move(stop);
  return options;
}

WriterFn baseline_writer(LlmKind kind) {
  const auto write = kind == LlmKind::tag_template ? template_caption : tag_concat_caption;
  return [write](const Prompt&, std::span<const std::string> tags, std::uint64_t seed) {
    return write(tags, seed);
  };
}

}  // namespace

LlmChoice choose_llm(const TagToCaptionFlags& flags, const Secret& key) {
  if (flags.llm == "auto") return automatic_choice(flags, key);
  if (flags.llm == "openai") return openai_choice(flags, key, "");
  if (flags.llm == "local") return {LlmKind::local, "", "", "local llama-server"};
  if (flags.llm == "template")
    return {LlmKind::tag_template, "", "template", "none: the paper's baseline 'template'"};
  if (flags.llm == "tag-concat")
    return {LlmKind::tag_concat, "", "tag-concat", "none: the paper's baseline 'tag concat'"};
  LPMC_REQUIRE(flags.llm != "embedded", not_found,
               "--llm embedded: the small writer of our own comes with a later version; until then --llm "
               "local needs no key and no network either");
  LPMC_REQUIRE(is_url(flags.llm), invalid_argument,
               "--llm: expected auto, openai, local, embedded, template, tag-concat or a URL, found '{}'",
               replace_invalid_utf8(flags.llm));
  return server_choice(flags.llm, flags, key, "");
}

std::optional<ModelPrice> price_of(const LlmChoice& choice, const TagToCaptionFlags& flags) {
  if (choice.kind != LlmKind::server) return ModelPrice{};
  if (!flags.prices.empty()) return PriceTable::read(flags.prices).find(choice.model);
  const auto table = find_data_file("llm_prices.json");
  return table ? PriceTable::read(*table).find(choice.model) : std::nullopt;
}

ChatOptions chat_options(const LlmChoice& choice, const TagToCaptionFlags& flags, const Secret& key) {
  ChatOptions options;
  options.base_url = choice.url;
  options.model = choice.model;
  if (choice.kind == LlmKind::server) options.api_key = key;
  options.temperature = flags.temperature;
  options.top_p = flags.top_p;
  options.seed = flags.seed;
  if (choice.kind == LlmKind::local && !flags.seed) options.seed = 0;
  options.max_tokens = flags.max_tokens;
  options.timeout_s = flags.timeout_s;
  return options;
}

HttpClientOptions http_options(const TagToCaptionFlags& flags) {
  HttpClientOptions options;
  options.max_connections = std::max(8, flags.limits.concurrency);
  options.user_agent = "lpmc";
  return options;
}

LanguageModel::LanguageModel(const LlmChoice& choice, const TagToCaptionFlags& flags, const Secret& key,
                             std::stop_token stop)
    : choice_(choice), flags_(flags), price_(price_of(choice, flags)) {
  log(LogLevel::info, "language model: {}", choice.words);
  if (choice.is_baseline()) return;
  http_ = std::make_unique<HttpClient>(http_options(flags));
  ChatOptions options = chat_options(choice, flags, key);
  if (choice.kind == LlmKind::local) {
    local_ = std::make_unique<LocalLlm>(*http_, local_options(flags, std::move(stop)));
    options.base_url = local_->base_url();
    options.model = choice_.model = local_->model_name();
    log(LogLevel::info, "language model: {} is ready", choice_.model);
  }
  chat_ = std::make_unique<ChatClient>(*http_, options);
  const std::string found = chat_->check_server();
  if (choice_.model.empty()) {
    choice_.model = found;
    price_ = price_of(choice_, flags);
    log(LogLevel::info, "language model: {}", found);
  }
}

void LanguageModel::prepare(RunSetup& setup) const {
  setup.seed = flags_.seed.value_or(0);
  if (choice_.is_baseline()) {
    setup.writer = baseline_writer(choice_.kind);
    setup.writer_name = choice_.model;
    return;
  }
  setup.chat = chat_.get();
  setup.usd_per_prompt_token = price_ ? price_->usd_per_prompt_token : 0;
  setup.usd_per_completion_token = price_ ? price_->usd_per_completion_token : 0;
  if (choice_.kind == LlmKind::local) {
    setup.limits.max_cost = 0;  // nothing to stop: it costs nothing
    if (!flags_.concurrency_given) setup.limits.concurrency = LocalLlmOptions{}.parallel;
  }
}

std::string LanguageModel::trouble() const {
  if (!local_) return "";
  // Its connections break a moment before its end is seen.
  for (int look = 0; look < kLooksForEnd && !has_died(); ++look)
    std::this_thread::sleep_for(kLookInterval);
  return has_died() ? "llama-server: " + local_->last_words() : "";
}

}  // namespace lpmc::cli
