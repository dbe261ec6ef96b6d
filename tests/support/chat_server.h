#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "tests/support/loopback_server.h"

namespace lpmc::test {

/// What goes wrong with one answer.
enum class ChatFault {
  none,
  too_many_requests,              ///< 429 without a word on when to come back
  too_many_requests_retry_after,  ///< 429 with Retry-After
  server_error,                   ///< 500
  unavailable,                    ///< 503
  truncated_json,                 ///< 200 with half of the JSON
  cut_chunks,                     ///< chunked, closed in the middle
  cut_body,                       ///< Content-Length says more than comes
  slow_first_byte,                ///< right, but ChatServerOptions::slow_s late
  reset,                          ///< connection reset
  wrong_content_type,             ///< right, but called text/plain
  answered_twice,                 ///< the same answer a second time behind the first
  html_page,                      ///< 200 with a page of a proxy
  error_in_200,                   ///< 200 with {"error": ...}, as routers do
  bad_request,                    ///< 400, for good
};

/// How a server takes response_format.
enum class FormatDialect {
  takes_all,
  openai_old,  ///< 400: json_schema is not supported with this model; json_object asks for the word "json"
  lm_studio,   ///< 400: 'response_format.type' must be 'json_schema' or 'text'
  llama_server_old,  ///< 500: must be one of "text" or "json_object", but got: json_schema
  takes_none,        ///< 422 in FastAPI's words
};

struct ChatQuery {
  std::string query;       ///< the user message
  std::string body;        ///< the whole request
  int times_asked = 0;     ///< this query so far, this time included
  std::int64_t index = 0;  ///< of all chat requests, from 0
};

struct ChatServerOptions {
  std::function<ChatFault(const ChatQuery&)> fault = {};  ///< empty: none. Called on the server's thread
  std::function<std::string(const std::string& query)> answer = {};  ///< empty: chat_answer()
  FormatDialect dialect = FormatDialect::takes_all;
  std::string api_key = {};  ///< "" = anyone may ask; else 401 in OpenAI's words, which repeat the wrong key
  std::string model = "loopback-model";
  std::string reasoning = {};    ///< put before the answer as <think>...</think>
  bool usage = true;             ///< says how many tokens were used
  bool has_models = true;        ///< answers GET /v1/models
  bool new_token_field = false;  ///< refuses max_tokens for max_completion_tokens, as newer models do
  double latency_s = 0;          ///< of every answer
  double slow_s = 0.05;
  double retry_after_s = 1;
  std::optional<int> requests_per_minute = {},
                     tokens_per_minute = {};  ///< said in x-ratelimit headers; not enforced
};

/// What the server answers to a query when nothing else is asked for: a sentence, or a dictionary for a query
/// that asks for one, made of the query's tags, so that answers that went to the wrong query are found out.
std::string chat_answer(const std::string& query);
/// The caption in chat_answer(query).
std::string expected_caption(const std::string& query);

struct ChatServerCounts {
  std::int64_t requests = 0;                 ///< POST /v1/chat/completions
  std::int64_t answered = 0;                 ///< whole, right answers
  std::int64_t distinct_queries = 0;         ///< seen
  std::int64_t distinct_answered = 0;        ///< queries with at least one right answer
  std::int64_t answered_more_than_once = 0;  ///< queries paid for twice
  std::int64_t connections = 0;              ///< accepted so far
};

/// A server with OpenAI's chat completions on 127.0.0.1, for tests and benchmarks.
class ChatServer {
 public:
  explicit ChatServer(ChatServerOptions options = {});

  /// "http://127.0.0.1:PORT/v1"
  std::string base_url() const;
  std::string origin() const { return server_.origin(); }
  ChatServerCounts counts() const;
  /// How often a query came, and how often it was answered.
  int times_asked(const std::string& query) const;
  int times_answered(const std::string& query) const;
  std::string last_body() const;
  std::string last_authorization() const;

 private:
  struct PerQuery {
    int asked = 0, answered = 0;
  };

  LoopbackReply handle(const LoopbackRequest& request);
  LoopbackReply complete(const LoopbackRequest& request);
  LoopbackReply answer(const std::string& query, std::uint64_t key);
  LoopbackReply faulty(ChatFault fault, const std::string& query, std::uint64_t key);

  const ChatServerOptions options_;
  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, PerQuery> queries_;  // by hash: tests ask millions
  std::int64_t requests_ = 0, answered_ = 0;
  std::string last_body_, last_authorization_;
  LoopbackServer server_;  // last: its thread uses the others
};

}  // namespace lpmc::test
