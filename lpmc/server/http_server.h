#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "lpmc/server/exchange.h"

namespace lpmc {

struct HttpServerOptions {
  std::string host = "127.0.0.1";  ///< an address, or a name that has one
  int port = 8080;                 ///< 0 = a free one
  int threads = 2;                 ///< that read and write; the work is done elsewhere
  int max_clients = 2048;          ///< connections; one more ends the oldest that has no request under way
  double header_timeout_s = 15;    ///< for a whole header, and between requests of a connection
  double body_timeout_s = 30;      ///< without a byte of the body
  double upload_timeout_s = 900;   ///< for a whole body
  double write_timeout_s = 30;     ///< for the client to take a piece of the answer
  double timeout_s = 3600;         ///< from the end of the body to the end of the answer
  double keep_alive_s = 10;        ///< between comments in an event stream
};

/// HTTP/1.1 on a few threads, whatever the number of connections: every read and write has an end, a body
/// goes to its reader piece by piece, a client that goes away is noticed while its answer is made.
/// Boost.Beast does the protocol.
class HttpServer {
 public:
  /// Listens. @param handler must live as long as this
  /// @throws Error(io, invalid_argument) when it cannot listen there
  HttpServer(const HttpServerOptions& options, RequestHandler& handler);
  /// stop()
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  int port() const;
  /// "http://127.0.0.1:8080"
  std::string origin() const;
  std::size_t connections() const;
  /// Requests whose header came and whose answer is not yet sent.
  std::size_t exchanges() const;
  /// Connections end with their present answer.
  void drain();
  /// Ends all connections and waits for the threads.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lpmc
