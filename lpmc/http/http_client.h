#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lpmc/base/secret.h"

namespace lpmc {

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  Secret
      bearer;  ///< sent as "Authorization: Bearer ..."; empty = none; never to another host after a redirect
  std::string body;
  double timeout_s = 600;  ///< of the whole exchange
  double connect_timeout_s = 10;
  double stall_timeout_s = 120;  ///< without a byte received
  std::size_t max_body_bytes = 16U << 20;
  bool follow_redirects = true;  ///< of GET and HEAD; false: the 3xx is the answer
  /// Takes a 2xx answer's body piece by piece instead of HttpResponse.body, on the client's thread, undecoded
  /// and without bound. false stops (HttpFailure::cancelled).
  std::function<bool(std::span<const char>)> on_data = {};
};

/// Why no complete answer came.
enum class HttpFailure { none, bad_url, resolve, connect, tls, timeout, broken, too_large, cancelled };

struct HttpResponse {
  int status = 0;                                            ///< 0 when no answer came
  std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case
  std::string body;
  HttpFailure failure = HttpFailure::none;
  std::string failure_text;  ///< for people; holds no secret
  double elapsed_s = 0;

  bool ok() const { return failure == HttpFailure::none && status >= 200 && status < 300; }
  std::optional<std::string_view> header(std::string_view lower_case_name) const;
};

struct HttpClientOptions {
  int max_connections = 256;  ///< and requests under way at once; more wait inside, outside their timeouts
  int max_connections_per_host = 0;  ///< 0 = as max_connections
  std::string user_agent = {};
  std::string ca_file = {};  ///< "" = the system's
};

/// Many requests at once on one thread of its own (libcurl's multi interface): keep-alive, HTTP/2 where the
/// server has it, no thread a request. GET and HEAD follow redirects (unless told not to), other methods get
/// the 3xx as their answer. Proxies are the environment's, but never for loopback addresses.
class HttpClient {
 public:
  using Done = std::function<void(HttpResponse&&)>;

  explicit HttpClient(const HttpClientOptions& options = {});
  /// Cancels what is in flight; their Done is called with HttpFailure::cancelled.
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// Starts a request; any thread. `done` is called once, on the client's thread, must not block or throw,
  /// and may send again.
  void send(HttpRequest request, Done done);
  /// Sends and waits. Not to be called from a Done.
  HttpResponse fetch(HttpRequest request);

  std::size_t in_flight() const;
  /// Ends every request that is under way or waiting (HttpFailure::cancelled). Does not wait for their Done.
  void cancel_all();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// What to do after an answer.
enum class RetryClass {
  done,   ///< 2xx
  retry,  ///< 408, 409, 425, 429, 5xx, no or a broken connection, timeout
  never,  ///< 400, 401, 403, 404, 422, other 4xx, 3xx; TLS and URL failures, too large, cancelled
};
RetryClass classify(const HttpResponse& response);

/// Seconds that Retry-After (seconds or a date) or retry-after-ms asks for; nothing where there is none
/// or it is nonsense (negative, over a week). @param now_unix_s to compare a date with
std::optional<double> retry_after_s(const HttpResponse& response, double now_unix_s);

/// Exponential backoff with full jitter: uniform in [0, min(cap, base * 2^attempt)], but at least
/// `floor_s` (what Retry-After asked for). @param random in [0, 1)
struct Backoff {
  double base_s = 0.5;
  double cap_s = 60;
  double wait_s(int attempt, double floor_s, double random) const;
};

}  // namespace lpmc
