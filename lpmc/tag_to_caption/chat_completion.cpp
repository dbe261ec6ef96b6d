#include "lpmc/tag_to_caption/chat_completion.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>

#include <nlohmann/json.hpp>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"

namespace lpmc {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxMessage = 300;

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

/// White space runs to one space, control characters gone, bounded, well-formed.
std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 8 * kMaxMessage)) {
    const bool space = static_cast<unsigned char>(c) <= 0x20 || c == 0x7F;
    if (!space) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  while (!out.empty() && out.back() == ' ')
    out.pop_back();
  out = replace_invalid_utf8(out);
  if (out.size() <= kMaxMessage) return out;
  std::size_t end = kMaxMessage;
  while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0U) == 0x80U)
    --end;
  return out.substr(0, end) + "...";
}

const Json* member(const Json& json, const char* key) {
  if (!json.is_object()) return nullptr;
  const auto found = json.find(key);
  return found == json.end() || found->is_null() ? nullptr : &*found;
}

std::string string_member(const Json& json, const char* key) {
  const Json* const value = member(json, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

std::int64_t count_member(const Json& json, const char* key) {
  const Json* const value = member(json, key);
  if (value == nullptr || !value->is_number()) return 0;
  const double number = value->get<double>();
  return number > 0 && number < 1e15 ? static_cast<std::int64_t>(number) : 0;
}

/// FastAPI's list of what is wrong with which field.
std::string detail_message(const Json& detail) {
  if (detail.is_string()) return detail.get<std::string>();
  std::string out;
  if (!detail.is_array()) return out;
  for (const Json& item : detail) {
    const Json* const where = member(item, "loc");
    std::string path;
    if (where != nullptr && where->is_array()) {
      for (const Json& part : *where)
        if (part.is_string()) path += (path.empty() ? "" : ".") + part.get<std::string>();
    }
    out += fmt::format("{}{}: {}", out.empty() ? "" : "; ", path, string_member(item, "msg"));
    if (out.size() > kMaxMessage) break;
  }
  return out;
}

std::string json_error_message(const Json& json) {
  if (const Json* const error = member(json, "error")) {
    if (error->is_string()) return error->get<std::string>();
    std::string message = string_member(*error, "message");
    const std::string param = string_member(*error, "param");
    if (!param.empty() && message.find(param) == std::string::npos) message += " (" + param + ")";
    if (!message.empty()) return message;
  }
  for (const char* const key : {"message", "error_description"}) {
    std::string message = string_member(json, key);
    if (!message.empty()) return message;
  }
  if (const Json* const detail = member(json, "detail")) return detail_message(*detail);
  return {};
}

/// Text of a message: a string, or parts of {"type": "text", "text": ...}.
std::string content_text(const Json& message) {
  const Json* const content = member(message, "content");
  if (content == nullptr) return {};
  if (content->is_string()) return content->get<std::string>();
  std::string out;
  if (content->is_array()) {
    for (const Json& part : *content)
      if (string_member(part, "type") == "text") out += string_member(part, "text");
  }
  return out;
}

/// Errors that a second try does not mend, whatever their status.
bool is_permanent(const Json& json) {
  const Json* const error = member(json, "error");
  if (error == nullptr) return false;
  return string_member(*error, "code") == "insufficient_quota" ||
         string_member(*error, "type") == "insufficient_quota";
}

RetryClass class_of_status(int status) {
  HttpResponse response;
  response.status = status;
  return classify(response);
}

/// {"error": {"code": 502}} within a 200: routers pass on what their provider said.
RetryClass class_of_inner_error(const Json& json) {
  const Json* const error = member(json, "error");
  const std::int64_t code = error == nullptr ? 0 : count_member(*error, "code");
  if (code >= 400 && code < 600) return class_of_status(static_cast<int>(code));
  return RetryClass::retry;
}

/// A 2xx that is no completion: what the body is, in a few words.
std::string describe_wrong_body(std::string_view body, const Json& json) {
  if (!json.is_discarded()) return "JSON without choices";
  const std::size_t first = body.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return "nothing";
  if (body[first] == '<') return fmt::format("a web page \"{}\"", server_error_message(body));
  if (body[first] == '{') return "JSON that is cut off or damaged";
  return fmt::format("\"{}\"", one_line(body.substr(0, 80)));
}

void read_choice(const Json& choice, ChatReply& reply) {
  reply.finish_reason = string_member(choice, "finish_reason");
  if (const Json* const message = member(choice, "message")) {
    reply.text = content_text(*message);
    if (reply.text.empty()) reply.text = string_member(*message, "refusal");
  } else {
    reply.text = string_member(choice, "text");
  }
}

void read_usage(const Json& json, ChatUsage& usage) {
  const Json* const given = member(json, "usage");
  if (given == nullptr) return;
  usage.prompt_tokens = count_member(*given, "prompt_tokens");
  usage.completion_tokens = count_member(*given, "completion_tokens");
  // Some servers say 0 for a cached prompt: no figure to count with.
  usage.reported = usage.prompt_tokens > 0;
}

ChatReply refused_reply(int status, std::string_view body, const Json& json) {
  ChatReply reply;
  reply.status = status;
  reply.retry = is_permanent(json) ? RetryClass::never : class_of_status(status);
  const std::string message = server_error_message(body);
  reply.error = message.empty() ? fmt::format("the server answered with status {}", status)
                                : fmt::format("status {}: {}", status, message);
  return reply;
}

}  // namespace

std::string server_error_message(std::string_view body) {
  const Json json = Json::parse(body, nullptr, false);
  if (!json.is_discarded()) return one_line(json_error_message(json));
  const std::string lower = lower_case(body.substr(0, 65536));
  const std::size_t begin = lower.find("<title");
  if (begin != std::string::npos) {
    const std::size_t open = lower.find('>', begin);
    const std::size_t close = lower.find("</title", begin);
    if (open != std::string::npos && close != std::string::npos && open < close)
      return one_line(body.substr(open + 1, close - open - 1));
  }
  return one_line(body);
}

std::optional<double> parse_duration_s(std::string_view text) {
  double total = 0;
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || !std::isfinite(value) || value < 0) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    struct Unit {
      std::string_view name;
      double seconds;
    };
    static constexpr std::array<Unit, 5> kUnits{
        {{"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}}};
    const auto unit =
        std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& u) { return text.starts_with(u.name); });
    if (unit == kUnits.end()) {
      if (!text.empty() || total > 0) return std::nullopt;
      return value;
    }
    total += value * unit->seconds;
    text.remove_prefix(unit->name.size());
  }
  return total;
}

ServerLimits read_server_limits(const HttpResponse& response) {
  const auto read = [&](std::string_view name) -> std::optional<double> {
    const auto text = response.header(name);
    if (!text) return std::nullopt;
    double value = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error != std::errc() || !std::isfinite(value) || value < 0) return std::nullopt;
    return value;
  };
  const auto duration = [&](std::string_view name) -> std::optional<double> {
    const auto text = response.header(name);
    return text ? parse_duration_s(*text) : std::nullopt;
  };
  ServerLimits limits;
  limits.requests_per_minute = read("x-ratelimit-limit-requests");
  limits.tokens_per_minute = read("x-ratelimit-limit-tokens");
  limits.remaining_requests = read("x-ratelimit-remaining-requests");
  limits.remaining_tokens = read("x-ratelimit-remaining-tokens");
  limits.reset_requests_s = duration("x-ratelimit-reset-requests");
  limits.reset_tokens_s = duration("x-ratelimit-reset-tokens");
  return limits;
}

bool refuses_response_format(const ChatReply& reply) {
  if (reply.ok || (reply.status != 400 && reply.status != 415 && reply.status != 422 && reply.status != 500 &&
                   reply.status != 501)) {
    return false;
  }
  const std::string error = lower_case(reply.error);
  static constexpr std::array<std::string_view, 7> kWords{
      "response_format",   "response format", "json_schema", "json_object",
      "structured output", "grammar",         "guided"};
  return std::any_of(kWords.begin(), kWords.end(),
                     [&](std::string_view word) { return error.find(word) != std::string::npos; });
}

bool refuses_max_tokens(const ChatReply& reply) {
  return !reply.ok && (reply.status == 400 || reply.status == 422) &&
         reply.error.find("max_completion_tokens") != std::string::npos;
}

std::string hide_key(std::string_view text, const Secret& key) {
  static constexpr std::string_view kHidden = "[key]";
  std::string out(text);
  if (key.reveal().size() >= 4) {  // what is shorter is a placeholder, and part of many words
    for (std::size_t at = out.find(key.reveal()); at != std::string::npos;
         at = out.find(key.reveal(), at + kHidden.size())) {
      out.replace(at, key.reveal().size(), kHidden);
    }
  }
  const std::string_view beginning = key.reveal().substr(0, 8);
  std::size_t at = 0;
  while (at < out.size()) {
    const std::size_t begin = out.find_first_not_of(" \"'`(),;:<>", at);
    if (begin == std::string::npos) break;
    const std::size_t end = std::min(out.find_first_of(" \"'`(),;:<>", begin), out.size());
    const std::string_view word = std::string_view(out).substr(begin, end - begin);
    const bool part_of_key = word.starts_with("sk-") || word.find("***") != std::string_view::npos ||
                             (beginning.size() == 8 && word.starts_with(beginning));
    if (part_of_key) {
      out.replace(begin, end - begin, kHidden);
      at = begin + kHidden.size();
    } else {
      at = end;
    }
  }
  return out;
}

ChatReply parse_chat_completion(int status, std::string_view body) {
  const Json json = Json::parse(body, nullptr, false);
  if (status < 200 || status >= 300) return refused_reply(status, body, json);
  ChatReply reply;
  reply.status = status;
  const Json* const choices = json.is_discarded() ? nullptr : member(json, "choices");
  const bool has_choice = choices != nullptr && choices->is_array() && !choices->empty();
  const Json* const inner = has_choice ? member(choices->front(), "error") : nullptr;
  if (!has_choice || inner != nullptr) {
    reply.retry = RetryClass::retry;
    const Json& holder = inner != nullptr ? choices->front() : json;
    if (!json.is_discarded() && member(holder, "error") != nullptr) {
      reply.retry = is_permanent(holder) ? RetryClass::never : class_of_inner_error(holder);
      reply.error = fmt::format("the server reports: {}", one_line(json_error_message(holder)));
    } else {
      reply.error = fmt::format("expected a chat completion, found {}", describe_wrong_body(body, json));
    }
    return reply;
  }
  reply.ok = true;
  reply.retry = RetryClass::done;
  reply.model = one_line(string_member(json, "model"));
  read_choice(choices->front(), reply);
  reply.text = replace_invalid_utf8(reply.text);
  read_usage(json, reply.usage);
  return reply;
}

}  // namespace lpmc
