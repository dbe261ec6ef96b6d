#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lpmc/base/secret.h"
#include "lpmc/http/http_client.h"

namespace lpmc {

/// Where and how to ask a language model: any server with OpenAI's chat completions.
struct ChatOptions {
  std::string base_url;  ///< "http://127.0.0.1:8080/v1"; "/chat/completions" is added
  std::string model;     ///< "" = the first of GET /models
  Secret api_key;
  std::optional<double> temperature, top_p;  ///< absent = the server's default, as in the publication
  std::optional<std::int64_t> seed;
  int max_tokens = 256;
  double timeout_s = 300;
};

struct ChatUsage {
  std::int64_t prompt_tokens = 0, completion_tokens = 0;
  bool reported = false;  ///< false: the server said nothing; figures are estimates by characters / 4
};

/// Limits a server speaks of in its headers (x-ratelimit-*); absent where it says nothing.
struct ServerLimits {
  std::optional<double> requests_per_minute, tokens_per_minute;
  std::optional<double> remaining_requests, remaining_tokens, reset_requests_s, reset_tokens_s;
};

/// One exchange, whatever came of it.
struct ChatReply {
  bool ok = false;
  std::string text;           ///< the message's content; reasoning is not stripped here
  std::string finish_reason;  ///< "stop", "length", "content_filter", ...
  std::string model;          ///< as the server names it
  ChatUsage usage;
  ServerLimits limits;
  double latency_s = 0;
  // Where not ok:
  RetryClass retry = RetryClass::never;
  std::optional<double> retry_after_s;
  int status = 0;
  std::string error;  ///< one line for people: server's message or what broke; never a key
};

/// What the answer should look like. Servers differ in what they take; the client tries json_schema, then
/// json_object, then nothing, and remembers per base URL for the run what was refused (400/422 naming the
/// field, or LM Studio's way); the refused request is sent again by the client itself, at no cost in
/// attempts. The same goes for max_tokens where a server wants max_completion_tokens.
enum class AnswerFormat { plain, dictionary };

class ChatClient {
 public:
  ChatClient(HttpClient& http, ChatOptions options);
  ~ChatClient();
  ChatClient(const ChatClient&) = delete;
  ChatClient& operator=(const ChatClient&) = delete;

  using Done = std::function<void(ChatReply&&)>;
  /// Asks; `done` is called once on the HTTP client's thread.
  void ask(std::string query, AnswerFormat format, Done done);
  /// The same with a seed of its own in place of ChatOptions::seed.
  void ask(std::string query, AnswerFormat format, std::optional<std::int64_t> seed, Done done);

  /// GET /models: is this a chat server, and what is its first model's id? Used from then on where
  /// ChatOptions::model is "". (A server that says in JSON that it has no such list passes where a model is
  /// given: its name is returned.)
  /// @throws Error(remote) saying what answered instead
  std::string check_server();

  const ChatOptions& options() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

/// The JSON body of a request, as sent and as written into a batch file.
std::string chat_request_body(const ChatOptions& options, std::string_view query, AnswerFormat format,
                              std::string_view response_format);  // "json_schema", "json_object" or "none"
/// Reads a chat completion (also a line of a batch result).
ChatReply parse_chat_completion(int status, std::string_view body);

}  // namespace lpmc
