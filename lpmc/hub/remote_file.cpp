#include "lpmc/hub/remote_file.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include <fmt/format.h>

namespace lpmc {
namespace {

constexpr double kTimeout_s = 60;
constexpr int kMaxRedirects = 5;
constexpr std::size_t kSha256Digits = 64, kSha1Digits = 40;

bool is_redirect(const HttpResponse& response) {
  return response.failure == HttpFailure::none && response.status >= 300 && response.status < 400;
}

/// "W/"abc"" or "abc" in quotes to the digest in it, "" where it is none.
std::string digest_in(std::string_view etag) {
  if (etag.starts_with("W/")) etag.remove_prefix(2);
  if (etag.size() >= 2 && etag.starts_with('"') && etag.ends_with('"'))
    etag = etag.substr(1, etag.size() - 2);
  const bool hex = std::all_of(etag.begin(), etag.end(),
                               [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  return hex ? std::string(etag) : "";
}

std::optional<std::uint64_t> number_in(std::optional<std::string_view> text) {
  std::uint64_t value = 0;
  if (!text) return std::nullopt;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return value;
}

/// "https://host/a/b" and "/c" to "https://host/c".
std::string with_path(const std::string& url, std::string_view path) {
  const std::size_t host = url.find("://") + 3;
  return url.substr(0, url.find('/', host)).append(path);
}

RemoteFileAnswer read_answer(const HttpResponse& response) {
  RemoteFileAnswer answer;
  const auto linked_size = number_in(response.header("x-linked-size"));
  const auto size = linked_size ? linked_size : number_in(response.header("content-length"));
  if (!size) {
    answer.failure = "expected the server to say how long the file is, found no Content-Length";
    return answer;
  }
  answer.size = *size;
  const auto linked = response.header("x-linked-etag");
  const std::string digest = digest_in(linked ? *linked : response.header("etag").value_or(""));
  if (digest.size() == kSha256Digits) answer.sha256 = digest;
  if (digest.size() == kSha1Digits) answer.git_sha1 = digest;
  return answer;
}

}  // namespace

RemoteFileAnswer ask_for_file(const std::string& url,
                              const std::function<HttpResponse(HttpRequest&&)>& exchange) {
  std::string asked = url;
  for (int redirects = 0;; ++redirects) {
    HttpRequest request;
    request.method = "HEAD";
    request.url = asked;
    request.timeout_s = kTimeout_s;
    request.headers.emplace_back("Accept-Encoding", "identity");  // the length as it is stored
    request.on_data = [](std::span<const char>) { return true; };
    request.follow_redirects = redirects == kMaxRedirects;
    const HttpResponse response = exchange(std::move(request));
    if (response.ok() || (is_redirect(response) && response.header("x-linked-size")))
      return read_answer(response);
    const std::string_view location = response.header("location").value_or("");
    if (!is_redirect(response) || location.empty() || redirects == kMaxRedirects) {
      RemoteFileAnswer answer;
      answer.failure = response.failure == HttpFailure::none ? fmt::format("status {}", response.status)
                                                             : response.failure_text;
      answer.may_retry = classify(response) == RetryClass::retry;
      return answer;
    }
    if (location.starts_with('/') && !location.starts_with("//")) {
      asked = with_path(asked, location);  // a repository that was renamed
    } else {
      redirects = kMaxRedirects - 1;  // another server: what stands at the end of its redirects counts
    }
  }
}

}  // namespace lpmc
