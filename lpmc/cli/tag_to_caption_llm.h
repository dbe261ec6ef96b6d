#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "lpmc/base/secret.h"
#include "lpmc/cli/tag_to_caption_flags.h"
#include "lpmc/http/http_client.h"
#include "lpmc/tag_to_caption/chat_client.h"
#include "lpmc/tag_to_caption/local_llm.h"
#include "lpmc/tag_to_caption/prices.h"
#include "lpmc/tag_to_caption/runner.h"

namespace lpmc::cli {

enum class LlmKind { server, local, tag_template, tag_concat };

/// Which language model the flags and the environment come to; nothing is started or asked.
struct LlmChoice {
  LlmKind kind = LlmKind::local;
  std::string url;    ///< of a server
  std::string model;  ///< "" = the server's first
  std::string words;  ///< for stderr: which, and why

  bool is_baseline() const { return kind == LlmKind::tag_template || kind == LlmKind::tag_concat; }
};

/// @throws Error(invalid_argument, not_found) for names that are none, a missing key, `embedded`
LlmChoice choose_llm(const TagToCaptionFlags& flags, const Secret& key);

/// What a model costs by the price table; nothing where it is not known. What runs here costs nothing.
std::optional<ModelPrice> price_of(const LlmChoice& choice, const TagToCaptionFlags& flags);

/// The options of requests to it, but for the address of a local server.
ChatOptions chat_options(const LlmChoice& choice, const TagToCaptionFlags& flags, const Secret& key);

/// The language model, ready to be asked.
class LanguageModel {
 public:
  /// Starts the local server, or looks whether the other one is a chat server.
  LanguageModel(const LlmChoice& choice, const TagToCaptionFlags& flags, const Secret& key,
                std::stop_token stop);

  /// Fills in who is asked, what it costs, and limits that go with it.
  void prepare(RunSetup& setup) const;
  const LlmChoice& choice() const { return choice_; }
  /// Whether a local server has ended by itself.
  bool has_died() const { return local_ != nullptr && !local_->is_running(); }
  /// A line on a local server that has ended by itself; "" where all is well.
  std::string trouble() const;

 private:
  LlmChoice choice_;
  const TagToCaptionFlags& flags_;
  std::optional<ModelPrice> price_;
  std::unique_ptr<HttpClient> http_;
  std::unique_ptr<LocalLlm> local_;
  std::unique_ptr<ChatClient> chat_;
};

HttpClientOptions http_options(const TagToCaptionFlags& flags);

}  // namespace lpmc::cli
