#include "lpmc/tag_to_caption/batch_server.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <random>
#include <thread>
#include <utility>

#include "lpmc/base/error.h"
#include "lpmc/base/log.h"
#include "lpmc/tag_to_caption/chat_completion.h"

namespace lpmc {
namespace {

using nlohmann::json;

constexpr int kTries = 6;
constexpr int kMostPages = 50;
constexpr std::size_t kMostLineBytes = 16U << 20U;
constexpr std::size_t kMostFileBytes = std::size_t{4} << 30U;

std::string text_of(const json& object, const char* key) {
  if (!object.is_object()) return "";
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::int64_t number_of(const json& object, const char* key) {
  if (!object.is_object()) return 0;
  const auto found = object.find(key);
  return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

json part_of(const json& object, const char* key) {
  if (!object.is_object()) return {};
  const auto found = object.find(key);
  return found != object.end() ? *found : json();
}

RemoteBatch read_batch(const json& object) {
  RemoteBatch batch;
  batch.id = text_of(object, "id");
  batch.status = text_of(object, "status");
  batch.output_file_id = text_of(object, "output_file_id");
  batch.error_file_id = text_of(object, "error_file_id");
  const json counts = part_of(object, "request_counts");
  batch.completed = number_of(counts, "completed");
  batch.failed = number_of(counts, "failed");
  const json errors = part_of(part_of(object, "errors"), "data");
  if (errors.is_array() && !errors.empty()) batch.error = text_of(errors.front(), "message");
  LPMC_REQUIRE(!batch.id.empty() && !batch.status.empty(), remote,
               "batch: expected an object with id and status, found something else");
  return batch;
}

/// Ids come from the server and go into addresses: nothing but the characters that ids are made of.
const std::string& checked_id(const std::string& id) {
  const bool good = !id.empty() && id.size() <= 200 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
  });
  LPMC_REQUIRE(good, remote, "batch: expected an id of letters, digits, - and _, found another");
  return id;
}

}  // namespace

std::optional<BatchLine> read_batch_line(std::string_view line) {
  const json object = json::parse(line, nullptr, false);
  const std::string id = text_of(object, "custom_id");
  BatchLine result;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), result.job);
  if (id.empty() || error != std::errc() || end != id.data() + id.size()) return std::nullopt;
  const json response = part_of(object, "response");
  const json failure = part_of(object, "error");
  if (response.is_object()) {
    const auto status =
        static_cast<int>(std::clamp<std::int64_t>(number_of(response, "status_code"), 0, 999));
    result.reply = parse_chat_completion(
        status, part_of(response, "body").dump(-1, ' ', false, json::error_handler_t::replace));
  } else {
    const std::string code = text_of(failure, "code");
    result.expired = code == "batch_expired" || code == "batch_cancelled";
    result.reply.error = text_of(failure, "message");
    result.reply.retry = RetryClass::retry;
  }
  if (!result.reply.ok && result.reply.error.empty()) result.reply.error = "no answer in the batch";
  return result;
}

HttpRequest BatchServer::request(std::string method, const std::string& path) const {
  HttpRequest request;
  request.method = std::move(method);
  request.url = chat_.base_url + path;
  request.bearer = chat_.api_key;
  return request;
}

void BatchServer::fail(const HttpRequest& request, const HttpResponse& response) const {
  const std::string said =
      response.failure != HttpFailure::none ? response.failure_text : server_error_message(response.body);
  lpmc::fail(ErrorKind::remote, "{} {}: {}: {}", request.method, request.url,
             response.status > 0 ? fmt::format("status {}", response.status) : "no answer",
             hide_key(said, chat_.api_key));
}

/// What may be asked twice without harm is asked again after passing failures.
HttpResponse BatchServer::fetch(const HttpRequest& request) const {
  std::mt19937_64 random{std::random_device{}()};
  for (int attempt = 0;; ++attempt) {
    HttpResponse response = http_.fetch(request);
    if (response.ok()) return response;
    if (classify(response) != RetryClass::retry || attempt + 1 >= kTries) fail(request, response);
    const double now =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    const double wait = setup_.backoff.wait_s(attempt, retry_after_s(response, now).value_or(0),
                                              std::uniform_real_distribution<double>(0, 1)(random));
    log(LogLevel::info, "{}: no answer yet; again in {:.1f} s", request.url, wait);
    std::this_thread::sleep_for(std::chrono::duration<double>(wait));
  }
}

json BatchServer::fetch_json(const HttpRequest& request) const {
  const HttpResponse response = fetch(request);
  json object = json::parse(response.body, nullptr, false);
  LPMC_REQUIRE(object.is_object(), remote, "{}: expected a JSON object, found something else", request.url);
  return object;
}

std::string BatchServer::upload(const std::string& name, const std::string& lines) const {
  const std::string boundary = "----lpmc" + name;
  HttpRequest upload = request("POST", "/files");
  upload.headers.emplace_back("Content-Type", "multipart/form-data; boundary=" + boundary);
  upload.timeout_s = 3600;
  upload.body.reserve(lines.size() + 1000);
  upload.body = "--" + boundary + "\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--" +
                boundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + name +
                ".jsonl\"\r\nContent-Type: application/jsonl\r\n\r\n";
  upload.body += lines;
  upload.body += "\r\n--" + boundary + "--\r\n";
  return checked_id(text_of(fetch_json(upload), "id"));
}

RemoteBatch BatchServer::create(const std::string& file_id, const std::string& token, bool& refused) const {
  HttpRequest create = request("POST", "/batches");
  create.headers.emplace_back("Content-Type", "application/json");
  create.body = json{{"input_file_id", file_id},
                     {"endpoint", "/v1/chat/completions"},
                     {"completion_window", "24h"},
                     {"metadata", {{"lpmc", token}}}}
                    .dump();
  // Not asked again by itself: an answer that got lost may have been a yes, and would be paid twice. libcurl
  // repeats a request when a connection that was used before breaks; so this one gets a connection of its
  // own.
  HttpClient once(setup_.http_options);
  const HttpResponse response = once.fetch(create);
  refused = classify(response) == RetryClass::never;
  if (!response.ok()) fail(create, response);
  return read_batch(json::parse(response.body, nullptr, false));
}

RemoteBatch BatchServer::get(const std::string& id) const {
  return read_batch(fetch_json(request("GET", "/batches/" + checked_id(id))));
}

std::optional<RemoteBatch> BatchServer::find(const std::string& token) const {
  std::string after;
  for (int page = 0; page < kMostPages; ++page) {
    const json list = fetch_json(request("GET", "/batches?limit=100" + after));
    const json data = part_of(list, "data");
    if (!data.is_array() || data.empty()) return std::nullopt;
    for (const json& batch : data) {
      if (text_of(part_of(batch, "metadata"), "lpmc") == token) return read_batch(batch);
    }
    const json more = part_of(list, "has_more");
    if (!more.is_boolean() || !more.get<bool>()) return std::nullopt;
    after = "&after=" + checked_id(text_of(data.back(), "id"));
  }
  return std::nullopt;
}

void BatchServer::read_lines(const std::string& file_id,
                             const std::function<void(std::string_view)>& take) const {
  HttpRequest content = request("GET", "/files/" + checked_id(file_id) + "/content");
  content.max_body_bytes = kMostFileBytes;
  content.timeout_s = 3600;
  std::string partial;
  std::exception_ptr failure;
  content.on_data = [&](std::span<const char> bytes) {
    try {
      for (std::string_view rest(bytes.data(), bytes.size()); !rest.empty();) {
        const std::size_t end = rest.find('\n');
        partial += rest.substr(0, end);
        LPMC_REQUIRE(partial.size() <= kMostLineBytes, remote, "{}: expected lines of at most {} bytes",
                     content.url, kMostLineBytes);
        if (end == std::string_view::npos) break;
        take(partial);
        partial.clear();
        rest.remove_prefix(end + 1);
      }
      return true;
    } catch (...) {
      failure = std::current_exception();
      return false;
    }
  };
  const HttpResponse response = http_.fetch(content);
  if (failure) std::rethrow_exception(failure);
  if (!response.ok()) fail(content, response);
  if (!partial.empty()) take(partial);
}

}  // namespace lpmc
