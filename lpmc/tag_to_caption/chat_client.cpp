#include "lpmc/tag_to_caption/chat_client.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <mutex>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "lpmc/base/error.h"
#include "lpmc/base/log.h"
#include "lpmc/tag_to_caption/chat_completion.h"

namespace lpmc {
namespace {

using Json = nlohmann::json;

/// What is tried, in this order.
constexpr std::array<std::string_view, 3> kFormats{"json_schema", "json_object", "none"};
constexpr int kPlainFormat = 2;

constexpr double kServerCheck_s = 30;

double unix_now_s() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string without_endpoint(std::string url) {
  const auto drop = [&](std::string_view end) {
    if (url.ends_with(end)) url.resize(url.size() - end.size());
  };
  while (url.ends_with('/'))
    url.pop_back();
  drop("/chat/completions");
  while (url.ends_with('/'))
    url.pop_back();
  return url;
}

Json dictionary_schema() {
  return {{"type", "object"},
          {"properties",
           {{"new_attribute", {{"type", "array"}, {"items", {{"type", "string"}}}}},
            {"description", {{"type", "string"}}}}},
          {"required", {"new_attribute", "description"}},
          {"additionalProperties", false}};
}

/// The id of the first model in the answer to GET /models; nothing when it is no such answer.
std::optional<std::string> first_model(std::string_view body) {
  const Json json = Json::parse(body, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  const auto data = json.find("data");
  if (data == json.end() || !data->is_array()) return std::nullopt;
  for (const Json& model : *data) {
    const auto id = model.is_object() ? model.find("id") : model.end();
    if (id != model.end() && id->is_string() && !id->get_ref<const std::string&>().empty())
      return id->get<std::string>();
  }
  return std::string();
}

/// An API that answers in JSON that it has no such list: some routers have chat completions alone.
bool lacks_models(const HttpResponse& response) {
  return response.failure == HttpFailure::none && (response.status == 404 || response.status == 405) &&
         Json::parse(response.body, nullptr, false).is_object();
}

std::string failure_text(const HttpResponse& response) {
  if (response.failure != HttpFailure::none) return response.failure_text;
  if (response.status >= 300 && response.status < 400) {
    return fmt::format("status {}: redirects to {}; give that as the server's address", response.status,
                       response.header("location").value_or("nowhere"));
  }
  const std::string message = server_error_message(response.body);
  return fmt::format("status {}{}{}", response.status, message.empty() ? "" : ": ", message);
}

}  // namespace

struct ChatClient::Impl : std::enable_shared_from_this<ChatClient::Impl> {
  struct Question {
    std::string query;
    AnswerFormat format = AnswerFormat::plain;
    std::optional<std::int64_t> seed;
    Done done;
    int sent_format = 0;  // index into kFormats
    bool sent_new_field = false;
  };

  Impl(HttpClient& given_http, ChatOptions given) : http(given_http), options(std::move(given)) {
    options.base_url = without_endpoint(std::move(options.base_url));
    model = options.model;
  }

  HttpRequest request(std::string method, std::string_view path) const;
  void ask(Question question);
  void send(Question question);
  void take_answer(Question question, HttpResponse&& response);
  bool negotiate(const Question& question, const ChatReply& reply);
  ChatReply read(const HttpResponse& response) const;
  void ask_for_model();
  void take_models(const HttpResponse& response);
  std::string model_of(const HttpResponse& response, std::string_view url) const;
  std::string hidden(std::string_view text) const { return hide_key(text, options.api_key); }

  HttpClient& http;
  ChatOptions options;
  std::atomic<int> format{0};  // the first of kFormats that was not refused
  std::atomic<bool> new_token_field{false};

  std::mutex mutex;  // guards the next two
  std::string model;
  std::vector<Question> without_model;  // wait for GET /models
};

HttpRequest ChatClient::Impl::request(std::string method, std::string_view path) const {
  HttpRequest request;
  request.method = std::move(method);
  request.url = options.base_url;
  request.url += path;
  request.bearer = options.api_key;
  request.timeout_s = options.timeout_s;
  // A model on a slow machine sends nothing until its sentence is whole.
  request.stall_timeout_s = options.timeout_s;
  request.headers.emplace_back("Accept", "application/json");
  return request;
}

void ChatClient::Impl::ask(Question question) {
  std::unique_lock lock(mutex);
  if (!model.empty()) {
    lock.unlock();
    send(std::move(question));
    return;
  }
  without_model.push_back(std::move(question));
  const bool first = without_model.size() == 1;
  lock.unlock();
  if (first) ask_for_model();
}

void ChatClient::Impl::send(Question question) {
  question.sent_format = question.format == AnswerFormat::dictionary ? format.load() : kPlainFormat;
  question.sent_new_field = new_token_field.load();
  ChatOptions sent;
  sent.temperature = options.temperature;
  sent.top_p = options.top_p;
  sent.seed = question.seed;
  sent.max_tokens = options.max_tokens;
  {
    const std::lock_guard lock(mutex);
    sent.model = model;
  }
  HttpRequest http_request = request("POST", "/chat/completions");
  http_request.headers.emplace_back("Content-Type", "application/json");
  http_request.body = chat_request_body(sent, question.query, question.format,
                                        kFormats[static_cast<std::size_t>(question.sent_format)]);
  if (question.sent_new_field) {
    Json body = Json::parse(http_request.body);
    body["max_completion_tokens"] = body["max_tokens"];
    body.erase("max_tokens");
    http_request.body = body.dump();
  }
  http.send(std::move(http_request),
            [self = shared_from_this(), question = std::move(question)](HttpResponse&& response) mutable {
              self->take_answer(std::move(question), std::move(response));
            });
}

void ChatClient::Impl::take_answer(Question question, HttpResponse&& response) {
  ChatReply reply = read(response);
  if (!reply.ok && negotiate(question, reply)) {
    send(std::move(question));
    return;
  }
  if (!reply.usage.reported && reply.ok) {
    if (reply.usage.prompt_tokens == 0)
      reply.usage.prompt_tokens = static_cast<std::int64_t>((question.query.size() + 3) / 4);
    if (reply.usage.completion_tokens == 0)
      reply.usage.completion_tokens = static_cast<std::int64_t>((reply.text.size() + 3) / 4);
  }
  question.done(std::move(reply));
}

/// Learns from a refusal. @return whether to ask again in another way
bool ChatClient::Impl::negotiate(const Question& question, const ChatReply& reply) {
  if (!question.sent_new_field && refuses_max_tokens(reply)) {
    new_token_field = true;
    return true;
  }
  if (question.sent_format == kPlainFormat || !refuses_response_format(reply)) return false;
  // Of many requests that were refused alike the first moves on.
  int expected = question.sent_format;
  if (format.compare_exchange_strong(expected, question.sent_format + 1)) {
    log(LogLevel::info, "{}: takes no response_format {}; trying {}", options.base_url,
        kFormats[static_cast<std::size_t>(question.sent_format)],
        kFormats[static_cast<std::size_t>(question.sent_format + 1)]);
  }
  return true;
}

ChatReply ChatClient::Impl::read(const HttpResponse& response) const {
  ChatReply reply;
  if (response.failure == HttpFailure::none && (response.status < 300 || response.status >= 400)) {
    reply = parse_chat_completion(response.status, response.body);
  } else {
    reply.status = response.status;
    reply.retry = classify(response);
    reply.error = failure_text(response);
  }
  reply.error = hidden(reply.error);
  if (!options.api_key.empty() && reply.text.find(options.api_key.reveal()) != std::string::npos)
    reply.text = hidden(reply.text);
  reply.limits = read_server_limits(response);
  reply.latency_s = response.elapsed_s;
  if (!reply.ok) reply.retry_after_s = retry_after_s(response, unix_now_s());
  return reply;
}

void ChatClient::Impl::ask_for_model() {
  HttpRequest models = request("GET", "/models");
  models.timeout_s = std::min(models.timeout_s, kServerCheck_s);
  http.send(std::move(models),
            [self = shared_from_this()](HttpResponse&& response) { self->take_models(response); });
}

void ChatClient::Impl::take_models(const HttpResponse& response) {
  ChatReply failed;
  std::string found;
  try {
    found = model_of(response, options.base_url + "/models");
  } catch (const Error& error) {
    failed.status = response.status;
    failed.error = error.what();
    failed.retry = classify(response) == RetryClass::done ? RetryClass::never : classify(response);
    failed.retry_after_s = retry_after_s(response, unix_now_s());
  }
  std::vector<Question> questions;
  {
    const std::lock_guard lock(mutex);
    model = found;
    questions.swap(without_model);
  }
  for (Question& question : questions) {
    if (found.empty()) {
      question.done(ChatReply(failed));
    } else {
      send(std::move(question));
    }
  }
}

/// @throws Error(remote) saying what answered instead
std::string ChatClient::Impl::model_of(const HttpResponse& response, std::string_view url) const {
  if (!response.ok()) fail(ErrorKind::remote, "{}: {}", url, hidden(failure_text(response)));
  const std::optional<std::string> found = first_model(response.body);
  if (!found) {
    const std::string_view type = response.header("content-type").value_or("no content type");
    const std::string message = server_error_message(response.body);
    fail(ErrorKind::remote, "{}: expected a list of models, as chat servers give, found {}{}{}{}", url, type,
         message.empty() ? "" : " \"", hidden(message), message.empty() ? "" : "\"");
  }
  LPMC_REQUIRE(!found->empty(), remote, "{}: expected a model, found an empty list", url);
  return *found;
}

ChatClient::ChatClient(HttpClient& http, ChatOptions options)
    : impl_(std::make_shared<Impl>(http, std::move(options))) {}

ChatClient::~ChatClient() = default;

void ChatClient::ask(std::string query, AnswerFormat format, Done done) {
  ask(std::move(query), format, impl_->options.seed, std::move(done));
}

void ChatClient::ask(std::string query, AnswerFormat format, std::optional<std::int64_t> seed, Done done) {
  impl_->ask({std::move(query), format, seed, std::move(done), 0, false});
}

std::string ChatClient::check_server() {
  Impl& impl = *impl_;
  HttpRequest models = impl.request("GET", "/models");
  models.timeout_s = std::min(models.timeout_s, kServerCheck_s);
  const std::string url = models.url;
  const HttpResponse response = impl.http.fetch(std::move(models));
  if ((response.status == 404 || response.status == 405) && response.failure == HttpFailure::none) {
    // "http://host:port" in place of "http://host:port/v1" is what people type.
    HttpRequest versioned = impl.request("GET", "/v1/models");
    versioned.timeout_s = std::min(versioned.timeout_s, kServerCheck_s);
    const HttpResponse other = impl.http.fetch(std::move(versioned));
    if (other.ok() && first_model(other.body)) {
      fail(ErrorKind::remote, "{}: status {}; the server's address is {}/v1", url, response.status,
           impl.options.base_url);
    }
  }
  if (!impl.options.model.empty() && lacks_models(response)) {
    log(LogLevel::info, "{}: no list of models; going on with {}", url, impl.options.model);
    return impl.options.model;
  }
  std::string found = impl.model_of(response, url);
  const std::lock_guard lock(impl.mutex);
  if (impl.model.empty()) impl.model = found;
  return found;
}

const ChatOptions& ChatClient::options() const {
  return impl_->options;
}

std::string chat_request_body(const ChatOptions& options, std::string_view query, AnswerFormat format,
                              std::string_view response_format) {
  // Keys in alphabetical order: the same question gives the same bytes.
  Json body{{"messages", Json::array({{{"role", "user"}, {"content", query}}})}};
  if (!options.model.empty()) body["model"] = options.model;
  if (options.temperature) body["temperature"] = *options.temperature;
  if (options.top_p) body["top_p"] = *options.top_p;
  if (options.seed) body["seed"] = *options.seed;
  if (options.max_tokens > 0) body["max_tokens"] = options.max_tokens;
  if (format == AnswerFormat::dictionary && response_format == "json_schema") {
    body["response_format"] = {
        {"type", "json_schema"},
        {"json_schema", {{"name", "song_description"}, {"strict", true}, {"schema", dictionary_schema()}}}};
  } else if (format == AnswerFormat::dictionary && response_format == "json_object") {
    body["response_format"] = {{"type", "json_object"}};
  }
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace lpmc
