#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lpmc::test {

struct LoopbackRequest {
  std::string method, target, body;
  std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case
  std::int64_t connection = 0;                               ///< counts accepted connections from 1

  std::string header(std::string_view lower_case_name) const;  ///< "" where there is none
};

/// An answer and what goes wrong with it.
struct LoopbackReply {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::string content_type = "application/json";
  double delay_s = 0;    ///< before the first byte
  bool chunked = false;  ///< Transfer-Encoding: chunked
  std::optional<std::size_t>
      cut_after;       ///< bytes of the body's encoding after which the connection is closed
  bool reset = false;  ///< no answer: the connection is reset (RST)
  bool close = false;  ///< no keep-alive
  bool twice = false;  ///< the whole answer is sent a second time behind the first
};

/// An HTTP/1.1 server on a free port of 127.0.0.1: plain sockets and epoll on a thread of its own,
/// keep-alive, tens of thousands of requests a second.
class LoopbackServer {
 public:
  /// Called on the server's thread, one call at a time.
  using Handler = std::function<LoopbackReply(const LoopbackRequest&)>;

  explicit LoopbackServer(Handler handler);
  ~LoopbackServer();
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  int port() const;
  /// "http://127.0.0.1:PORT"
  std::string origin() const;
  std::int64_t connections_accepted() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lpmc::test
