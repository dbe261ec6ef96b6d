#pragma once

// Private to server: one TCP connection. The only header with Boost in it.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

#include "lpmc/server/exchange.h"
#include "lpmc/server/http_server.h"

namespace lpmc::detail {

class Connection;

/// What connections share with their server.
struct ServerState {
  ServerState(const HttpServerOptions& server_options, RequestHandler& request_handler)
      : options(server_options), handler(request_handler), context(server_options.threads) {}

  const HttpServerOptions options;
  RequestHandler& handler;
  std::atomic<std::size_t> exchanges = 0;
  std::atomic<bool> draining = false;
  boost::asio::io_context context;

  std::mutex mutex;
  std::map<std::uint64_t, std::weak_ptr<Connection>> connections;  // the oldest first
};

/// Reads requests one after the other and writes their answers. Everything runs on the connection's
/// strand; Exchange brings answers there from other threads.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(boost::asio::ip::tcp::socket&& socket, std::uint64_t id, std::shared_ptr<ServerState> server);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void start();
  /// Any thread.
  void close_soon();
  /// Gives up when no request is under way. Any thread.
  void close_if_idle();
  /// No request is under way: it may be ended to make room. Any thread.
  bool is_idle() const { return idle_; }
  /// Says 503 to somebody for whom there is no room.
  void refuse();

 private:
  class Exchange;
  using Code = boost::system::error_code;
  using Parser = boost::beast::http::request_parser<boost::beast::http::buffer_body>;

  void read_header();
  void on_header(Code error);
  void take_header();
  void begin_exchange();
  void continue_body();
  void read_body();
  void on_body(Code error);
  void body_ended();
  void refuse_request(const std::exception& error);

  void watch();
  void on_watch(Code error, std::size_t bytes);
  void start_deadline();

  void send(std::uint64_t exchange, Reply&& reply);
  void start_stream(std::uint64_t exchange, Reply&& head);
  void write_piece(std::uint64_t exchange, std::string&& piece);
  void finish_stream(std::uint64_t exchange);
  void keep_stream_alive();
  void add_head(const Reply& reply, bool chunked);
  void add_output(std::string&& text);
  void write_next();
  void on_written(Code error);
  void answer_ended();
  void next_request();
  void linger();
  void discard();
  void close();

  std::shared_ptr<ServerState> server_;  // outlives the stream
  const std::uint64_t id_;
  boost::beast::tcp_stream stream_;
  boost::asio::steady_timer deadline_, keep_alive_timer_, upload_timer_;
  boost::beast::flat_buffer buffer_;
  std::vector<char> chunk_;
  std::optional<Parser> parser_;
  RequestHead head_;
  std::unique_ptr<BodyReader> reader_;
  std::weak_ptr<Exchange> exchange_;
  std::uint64_t exchange_number_ = 0;

  std::deque<std::string> output_;
  std::size_t output_bytes_ = 0;
  std::atomic<bool> idle_ = true;
  unsigned version_ = 11;
  bool counted_ = false;    // among the server's exchanges
  bool keep_open_ = false;  // after the answer
  bool body_read_ = false;
  bool answering_ = false, streaming_ = false, answer_whole_ = false;
  bool writing_ = false, reading_ = false, watching_ = false, closed_ = false;
};

}  // namespace lpmc::detail
