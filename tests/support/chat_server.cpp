#include "tests/support/chat_server.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace lpmc::test {
namespace {

using Json = nlohmann::json;

std::string tags_of(const std::string& query) {
  const std::size_t at = query.rfind(" \n ");
  return at == std::string::npos ? query : query.substr(at + 3);
}

LoopbackReply refuse(int status, const Json& body) {
  LoopbackReply reply;
  reply.status = status;
  reply.body = body.dump();
  return reply;
}

LoopbackReply openai_error(int status, std::string_view type, std::string_view message,
                           const Json& param = nullptr) {
  return refuse(status,
                {{"error", {{"message", message}, {"type", type}, {"param", param}, {"code", nullptr}}}});
}

/// The answer of a server that does not take the request's response_format; nothing where it does.
std::optional<LoopbackReply> refuse_format(FormatDialect dialect, const Json& request) {
  const auto format = request.find("response_format");
  if (format == request.end()) return std::nullopt;
  const std::string type = (*format)["type"];
  switch (dialect) {
    case FormatDialect::takes_all:
      return std::nullopt;
    case FormatDialect::openai_old:
      if (type == "json_schema") {
        return openai_error(
            400, "invalid_request_error",
            "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this "
            "model. Learn more about supported models at the Structured Outputs guide.");
      }
      return openai_error(
          400, "invalid_request_error",
          "'messages' must contain the word 'json' in some form, to use 'response_format' of type "
          "'json_object'.",
          "messages");
    case FormatDialect::lm_studio:
      if (type == "json_schema") return std::nullopt;
      return refuse(400, {{"error", "'response_format.type' must be 'json_schema' or 'text'"}});
    case FormatDialect::llama_server_old:
      if (type == "json_object") return std::nullopt;
      return refuse(500, {{"error",
                           {{"code", 500},
                            {"message",
                             "response_format type must be one of \"text\" or \"json_object\", but got: "
                             "json_schema"},
                            {"type", "server_error"}}}});
    case FormatDialect::takes_none:
      return refuse(422, {{"detail", Json::array({{{"loc", {"body", "response_format"}},
                                                   {"msg", "extra fields not permitted"},
                                                   {"type", "value_error.extra"}}})}});
  }
  return std::nullopt;
}

LoopbackReply rate_limited(std::optional<double> retry_after_s) {
  LoopbackReply reply = openai_error(429, "requests", "Rate limit reached. Please try again later.");
  if (retry_after_s) reply.headers.emplace_back("Retry-After", fmt::format("{}", *retry_after_s));
  return reply;
}

LoopbackReply page(int status, std::string_view title) {
  LoopbackReply reply;
  reply.status = status;
  reply.content_type = "text/html; charset=utf-8";
  reply.body =
      fmt::format("<!DOCTYPE html><html><head><title>{}</title></head><body>Hello.</body></html>", title);
  return reply;
}

}  // namespace

std::string expected_caption(const std::string& query) {
  return fmt::format("A song with {}.", tags_of(query));
}

std::string chat_answer(const std::string& query) {
  if (query.find("python dictionary") == std::string::npos) return expected_caption(query);
  return Json{{"new_attribute", Json::array({"new " + tags_of(query)})},
              {"description", expected_caption(query)}}
      .dump();
}

ChatServer::ChatServer(ChatServerOptions options)
    : options_(std::move(options)),
      server_([this](const LoopbackRequest& request) { return handle(request); }) {}

std::string ChatServer::base_url() const {
  return server_.origin() + "/v1";
}

LoopbackReply ChatServer::handle(const LoopbackRequest& request) {
  const std::lock_guard lock(mutex_);
  last_authorization_ = request.header("authorization");
  if (!options_.api_key.empty() && last_authorization_ != "Bearer " + options_.api_key) {
    return openai_error(
        401, "invalid_request_error",
        fmt::format("Incorrect API key provided: {}. You can find your API key in the settings.",
                    last_authorization_.substr(std::min<std::size_t>(7, last_authorization_.size()))));
  }
  if (request.method == "POST" && request.target == "/v1/chat/completions") return complete(request);
  if (request.method == "GET" && request.target == "/v1/models" && options_.has_models) {
    return refuse(
        200, {{"object", "list"}, {"data", Json::array({{{"id", options_.model}, {"object", "model"}}})}});
  }
  return page(404, "404 Not Found");
}

LoopbackReply ChatServer::complete(const LoopbackRequest& request) {
  ++requests_;
  last_body_ = request.body;
  const Json json = Json::parse(request.body, nullptr, false);
  if (json.is_discarded() || !json.contains("messages"))
    return openai_error(400, "invalid_request_error", "We could not parse the JSON body of your request.");
  const std::string query = json["messages"].back()["content"];
  if (auto refused = refuse_format(options_.dialect, json)) return *refused;
  if (options_.new_token_field && json.contains("max_tokens")) {
    return openai_error(400, "invalid_request_error",
                        "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
                        "'max_completion_tokens' instead.",
                        "max_tokens");
  }
  const std::uint64_t key = std::hash<std::string>{}(query);
  const int times = ++queries_[key].asked;
  const ChatFault fault =
      options_.fault ? options_.fault({query, request.body, times, requests_ - 1}) : ChatFault::none;
  LoopbackReply reply = faulty(fault, query, key);
  reply.delay_s = std::max(reply.delay_s, options_.latency_s);
  return reply;
}

LoopbackReply ChatServer::answer(const std::string& query, std::uint64_t key) {
  ++answered_;
  ++queries_[key].answered;
  std::string text = options_.answer ? options_.answer(query) : chat_answer(query);
  if (!options_.reasoning.empty()) text = fmt::format("<think>{}</think>\n\n{}", options_.reasoning, text);
  Json json{{"id", fmt::format("chatcmpl-{}", answered_)},
            {"object", "chat.completion"},
            {"model", options_.model},
            {"choices", Json::array({{{"index", 0},
                                      {"message", {{"role", "assistant"}, {"content", text}}},
                                      {"finish_reason", "stop"}}})}};
  if (options_.usage) {
    const std::size_t asked = (query.size() + 3) / 4, said = (text.size() + 3) / 4;
    json["usage"] = {{"prompt_tokens", asked}, {"completion_tokens", said}, {"total_tokens", asked + said}};
  }
  LoopbackReply reply = refuse(200, json);
  const auto limit = [&](std::string_view name, std::optional<int> value, std::string_view reset) {
    if (!value) return;
    reply.headers.emplace_back(fmt::format("x-ratelimit-limit-{}", name), std::to_string(*value));
    reply.headers.emplace_back(fmt::format("x-ratelimit-remaining-{}", name), std::to_string(*value / 2));
    reply.headers.emplace_back(fmt::format("x-ratelimit-reset-{}", name), reset);
  };
  limit("requests", options_.requests_per_minute, "120ms");
  limit("tokens", options_.tokens_per_minute, "1m2.5s");
  return reply;
}

LoopbackReply ChatServer::faulty(ChatFault fault, const std::string& query, std::uint64_t key) {
  // Only what a client can read as an answer counts as one.
  const auto unread = [&] {
    LoopbackReply reply = answer(query, key);
    --answered_;
    --queries_[key].answered;
    return reply;
  };
  LoopbackReply reply;
  switch (fault) {
    case ChatFault::none:
      return answer(query, key);
    case ChatFault::too_many_requests:
      return rate_limited(std::nullopt);
    case ChatFault::too_many_requests_retry_after:
      return rate_limited(options_.retry_after_s);
    case ChatFault::server_error:
      return openai_error(500, "server_error", "The server had an error while processing your request.");
    case ChatFault::unavailable:
      return page(503, "503 Service Temporarily Unavailable");
    case ChatFault::truncated_json:
      reply = unread();
      reply.body.resize(reply.body.size() / 2);
      return reply;
    case ChatFault::cut_chunks:
    case ChatFault::cut_body:
      reply = unread();
      reply.chunked = fault == ChatFault::cut_chunks;
      reply.cut_after = reply.body.size() / 2;
      return reply;
    case ChatFault::slow_first_byte:
      reply = answer(query, key);
      reply.delay_s = options_.slow_s;
      return reply;
    case ChatFault::reset:
      reply.reset = true;
      return reply;
    case ChatFault::wrong_content_type:
      reply = answer(query, key);
      reply.content_type = "text/plain";
      return reply;
    case ChatFault::answered_twice:
      reply = answer(query, key);
      reply.twice = true;
      return reply;
    case ChatFault::html_page:
      return page(200, "Sign in to continue");
    case ChatFault::error_in_200:
      return refuse(200, {{"error", {{"message", "Provider returned error"}, {"code", 502}}}});
    case ChatFault::bad_request:
      return openai_error(400, "invalid_request_error", "This request is refused for good.");
  }
  return reply;
}

ChatServerCounts ChatServer::counts() const {
  const std::lock_guard lock(mutex_);
  ChatServerCounts counts;
  counts.requests = requests_;
  counts.answered = answered_;
  counts.distinct_queries = static_cast<std::int64_t>(queries_.size());
  for (const auto& [key, query] : queries_) {
    if (query.answered > 0) ++counts.distinct_answered;
    if (query.answered > 1) ++counts.answered_more_than_once;
  }
  counts.connections = server_.connections_accepted();
  return counts;
}

int ChatServer::times_asked(const std::string& query) const {
  const std::lock_guard lock(mutex_);
  const auto found = queries_.find(std::hash<std::string>{}(query));
  return found == queries_.end() ? 0 : found->second.asked;
}

int ChatServer::times_answered(const std::string& query) const {
  const std::lock_guard lock(mutex_);
  const auto found = queries_.find(std::hash<std::string>{}(query));
  return found == queries_.end() ? 0 : found->second.answered;
}

std::string ChatServer::last_body() const {
  const std::lock_guard lock(mutex_);
  return last_body_;
}

std::string ChatServer::last_authorization() const {
  const std::lock_guard lock(mutex_);
  return last_authorization_;
}

}  // namespace lpmc::test
