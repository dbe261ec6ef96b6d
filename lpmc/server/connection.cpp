#include "lpmc/server/connection.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <limits>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <boost/beast/http/read.hpp>
#include <fmt/format.h>

#include "lpmc/server/http_error.h"

namespace lpmc::detail {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

constexpr std::size_t kHeaderBytes = 16 * 1024;
constexpr std::size_t kChunkBytes = 64 * 1024;
constexpr std::size_t kPieceBytes = 256 * 1024;  // written under one time limit
/// What a client that reads slower than captions come may leave unread.
constexpr std::size_t kMaxOutputBytes = 64U << 20;
/// Requests sent ahead while one is answered: kept up to here, then no longer read.
constexpr std::size_t kReadAheadBytes = 32 * 1024;
constexpr auto kLinger = std::chrono::seconds(2);

std::chrono::steady_clock::duration seconds(double value) {
  return std::chrono::duration_cast<std::chrono::steady_clock::duration>(
      std::chrono::duration<double>(value));
}

std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[40];
  const std::size_t size = std::strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text, size};
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower;
}

std::string_view view(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

/// Brings one request's answer to the connection's strand.
class Connection::Exchange : public Responder {
 public:
  Exchange(std::weak_ptr<Connection> connection, std::uint64_t number)
      : connection_(std::move(connection)), number_(number) {}
  ~Exchange() override {
    if (answered_) return;
    const HttpError lost(500, "internal", "the request was lost");
    post([reply = error_reply(lost)](Connection& connection, std::uint64_t number) mutable {
      connection.send(number, std::move(reply));
    });
  }

  void send(Reply reply) override {
    if (answered_.exchange(true)) return;
    post([reply = std::move(reply)](Connection& connection, std::uint64_t number) mutable {
      connection.send(number, std::move(reply));
    });
  }
  void start_stream(Reply head) override {
    if (answered_.exchange(true)) return;
    post([head = std::move(head)](Connection& connection, std::uint64_t number) mutable {
      connection.start_stream(number, std::move(head));
    });
  }
  void write(std::string piece) override {
    post([piece = std::move(piece)](Connection& connection, std::uint64_t number) mutable {
      connection.write_piece(number, std::move(piece));
    });
  }
  void finish_stream() override {
    post([](Connection& connection, std::uint64_t number) { connection.finish_stream(number); });
  }
  std::stop_token client_gone() const override { return gone_.get_token(); }
  void set_gone() { gone_.request_stop(); }

 private:
  template <class Action>
  void post(Action&& action) {
    if (const auto connection = connection_.lock()) {
      asio::post(connection->stream_.get_executor(),
                 [connection, number = number_, action = std::forward<Action>(action)]() mutable {
                   action(*connection, number);
                 });
    }
  }

  std::weak_ptr<Connection> connection_;
  const std::uint64_t number_;
  std::atomic<bool> answered_ = false;
  std::stop_source gone_;
};

Connection::Connection(asio::ip::tcp::socket&& socket, std::uint64_t id, std::shared_ptr<ServerState> server)
    : server_(std::move(server)),
      id_(id),
      stream_(std::move(socket)),
      deadline_(stream_.get_executor()),
      keep_alive_timer_(stream_.get_executor()),
      upload_timer_(stream_.get_executor()),
      buffer_(kHeaderBytes + kChunkBytes + kReadAheadBytes) {}

Connection::~Connection() {
  const std::lock_guard lock(server_->mutex);
  server_->connections.erase(id_);
}

void Connection::start() {
  boost::system::error_code ignored;
  stream_.socket().set_option(asio::ip::tcp::no_delay(true), ignored);
  asio::post(stream_.get_executor(), [self = shared_from_this()] { self->read_header(); });
}

void Connection::close_soon() {
  asio::post(stream_.get_executor(), [self = shared_from_this()] { self->close(); });
}

void Connection::close_if_idle() {
  asio::post(stream_.get_executor(), [self = shared_from_this()] {
    if (self->idle_) self->close();
  });
}

void Connection::refuse() {
  asio::post(stream_.get_executor(), [self = shared_from_this()] {
    self->idle_ = false;
    self->refuse_request(HttpError(503, "unavailable", "too many connections", {{"Retry-After", "1"}}));
  });
}

// Reading.

void Connection::read_header() {
  if (closed_) return;
  idle_ = true;
  body_read_ = false;
  head_ = RequestHead();
  parser_.emplace();
  parser_->header_limit(kHeaderBytes);
  // A reader knows how much it takes. (Without a limit, Boost 1.74 refuses every body.)
  parser_->body_limit(std::numeric_limits<std::uint64_t>::max());
  stream_.expires_after(seconds(server_->options.header_timeout_s));
  http::async_read_header(stream_, buffer_, *parser_,
                          [self = shared_from_this()](Code error, std::size_t) { self->on_header(error); });
}

void Connection::on_header(Code error) {
  if (closed_) return;
  idle_ = false;
  if (error == http::error::header_limit || error == http::error::buffer_overflow)
    return refuse_request(HttpError(431, "invalid_argument", "the request's header is too large"));
  if (error && error.category() == make_error_code(http::error::bad_method).category() &&
      error != http::error::end_of_stream && error != http::error::partial_message) {
    return refuse_request(HttpError(400, "invalid_argument", "not an HTTP request: " + error.message()));
  }
  if (error) return close();
  try {
    take_header();
    begin_exchange();
  } catch (const std::exception& refusal) {
    refuse_request(refusal);
  }
}

/// What the parser read as a RequestHead.
void Connection::take_header() {
  const auto& message = parser_->get();
  version_ = message.version();
  keep_open_ = false;
  head_.method = std::string(view(message.method_string()));
  std::string target(view(message.target()));
  for (const std::string_view scheme : {"http://", "https://"}) {  // as a proxy is asked
    if (target.starts_with(scheme)) target.erase(0, std::min(target.find('/', scheme.size()), target.size()));
  }
  int hosts = 0;
  bool has_length = false;
  for (const auto& field : message) {
    head_.headers.emplace_back(lower_case(view(field.name_string())), std::string(view(field.value())));
    hosts += field.name() == http::field::host ? 1 : 0;
    has_length = has_length || field.name() == http::field::content_length;
  }
  if (version_ != 10 && version_ != 11) throw HttpError(400, "invalid_argument", "expected HTTP/1.1");
  if (!target.starts_with('/')) throw HttpError(400, "invalid_argument", "expected a target like /path");
  if (hosts > 1 || (hosts == 0 && version_ == 11))
    throw HttpError(400, "invalid_argument", "expected one Host header");
  if (has_length && parser_->chunked()) {
    throw HttpError(400, "invalid_argument", "expected Content-Length or Transfer-Encoding, found both");
  }
  if (parser_->content_length()) head_.content_length = *parser_->content_length();
  target.resize(std::min(target.find('#'), target.size()));
  const std::size_t mark = std::min(target.find('?'), target.size());
  head_.path = target.substr(0, mark);
  head_.query = target.substr(std::min(mark + 1, target.size()));
  keep_open_ = parser_->keep_alive() && !server_->draining;
}

void Connection::begin_exchange() {
  ++server_->exchanges;
  counted_ = true;
  const auto exchange = std::make_shared<Exchange>(weak_from_this(), ++exchange_number_);
  exchange_ = exchange;
  body_read_ = answering_ = streaming_ = answer_whole_ = false;
  reader_ = server_->handler.begin(head_, exchange);
  if (parser_->is_done()) return body_ended();
  upload_timer_.expires_after(seconds(server_->options.upload_timeout_s));
  upload_timer_.async_wait([weak = weak_from_this()](Code error) {
    const auto self = weak.lock();
    if (!error && self && !self->body_read_) self->close();
  });
  if (lower_case(head_.header("expect")) == "100-continue") return continue_body();
  read_body();
}

void Connection::continue_body() {
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  stream_.expires_after(seconds(server_->options.write_timeout_s));
  asio::async_write(stream_, asio::buffer(kContinue.data(), kContinue.size()),
                    [self = shared_from_this()](Code error, std::size_t) {
                      if (error) return self->close();
                      self->read_body();
                    });
}

void Connection::read_body() {
  if (closed_ || answering_) return;
  reading_ = true;
  chunk_.resize(kChunkBytes);
  parser_->get().body().data = chunk_.data();
  parser_->get().body().size = chunk_.size();
  stream_.expires_after(seconds(server_->options.body_timeout_s));
  http::async_read_some(stream_, buffer_, *parser_,
                        [self = shared_from_this()](Code error, std::size_t) { self->on_body(error); });
}

void Connection::on_body(Code error) {
  reading_ = false;
  if (closed_) return;
  if (answering_) return write_next();  // answered before its end: the rest is discarded
  if (error == http::error::need_buffer) error = {};
  if (error == http::error::partial_message || error == http::error::end_of_stream)
    return refuse_request(HttpError(400, "invalid_argument", "the body ends before its announced length"));
  if (error && error.category() == make_error_code(http::error::bad_method).category())
    return refuse_request(HttpError(400, "invalid_argument", "the body's encoding is broken"));
  if (error) return close();
  try {
    const std::size_t size = chunk_.size() - parser_->get().body().size;
    if (size > 0) reader_->data({chunk_.data(), size});
  } catch (const std::exception& refusal) {
    return refuse_request(refusal);
  }
  if (!parser_->is_done()) return read_body();
  body_ended();
}

void Connection::body_ended() {
  upload_timer_.cancel();
  body_read_ = true;
  start_deadline();
  watch();
  try {
    reader_->end();
  } catch (const std::exception& refusal) {
    refuse_request(refusal);
  }
}

/// Answers with what was thrown; a body that is not read to its end makes it the connection's last answer.
void Connection::refuse_request(const std::exception& error) {
  if (closed_ || answering_) return;
  const bool understood = !exchange_.expired() || counted_;
  if (!body_read_) keep_open_ = false;
  upload_timer_.cancel();
  send(exchange_number_, server_->handler.error_answer(understood ? &head_ : nullptr, error));
}

// While the answer is made.

/// Notices that the client goes away. What it sends meanwhile is the beginning of its next request.
void Connection::watch() {
  if (closed_ || watching_ || buffer_.size() >= kReadAheadBytes) return;
  watching_ = true;
  stream_.expires_never();
  stream_.async_read_some(buffer_.prepare(4096), [self = shared_from_this()](Code error, std::size_t bytes) {
    self->on_watch(error, bytes);
  });
}

void Connection::on_watch(Code error, std::size_t bytes) {
  watching_ = false;
  if (closed_) return;
  buffer_.commit(bytes);
  if (!error || error == asio::error::operation_aborted) {
    if (answer_whole_ && output_.empty() && !writing_) return next_request();
    if (!answering_) watch();  // a write under way keeps its own time limit
    return;
  }
  close();
}

void Connection::start_deadline() {
  deadline_.expires_after(seconds(server_->options.timeout_s));
  deadline_.async_wait([weak = weak_from_this(), number = exchange_number_](Code error) {
    const auto self = weak.lock();
    if (error || !self || self->exchange_number_ != number) return;
    const auto exchange = self->exchange_.lock();
    if (!exchange) return;
    const HttpError late(503, "unavailable", "the request took too long here", {{"Retry-After", "10"}});
    exchange->send(error_reply(late));
    exchange->set_gone();
  });
}

// Writing.

void Connection::send(std::uint64_t exchange, Reply&& reply) {
  if (closed_ || exchange != exchange_number_ || answering_) return;
  answering_ = answer_whole_ = true;
  if (!body_read_) keep_open_ = false;
  add_head(reply, false);
  if (head_.method != "HEAD") {
    for (std::size_t begin = 0; begin < reply.body.size(); begin += kPieceBytes)
      add_output(reply.body.substr(begin, kPieceBytes));
  }
  write_next();
}

void Connection::start_stream(std::uint64_t exchange, Reply&& head) {
  if (closed_ || exchange != exchange_number_ || answering_) return;
  answering_ = streaming_ = true;
  if (version_ == 10) keep_open_ = false;  // its end is the connection's
  add_head(head, version_ == 11);
  keep_stream_alive();
  write_next();
}

void Connection::write_piece(std::uint64_t exchange, std::string&& piece) {
  if (closed_ || exchange != exchange_number_ || !streaming_ || answer_whole_ || piece.empty()) return;
  if (output_bytes_ > kMaxOutputBytes) return close();
  add_output(version_ == 11 ? fmt::format("{:x}\r\n{}\r\n", piece.size(), piece) : std::move(piece));
  write_next();
}

void Connection::finish_stream(std::uint64_t exchange) {
  if (closed_ || exchange != exchange_number_ || !streaming_ || answer_whole_) return;
  answer_whole_ = true;
  keep_alive_timer_.cancel();
  if (version_ == 11) add_output("0\r\n\r\n");
  write_next();
}

void Connection::keep_stream_alive() {
  keep_alive_timer_.expires_after(seconds(server_->options.keep_alive_s));
  keep_alive_timer_.async_wait([weak = weak_from_this(), number = exchange_number_](Code error) {
    const auto self = weak.lock();
    if (error || !self || self->closed_ || self->exchange_number_ != number || self->answer_whole_) return;
    self->write_piece(number, ": keep-alive\n\n");
    self->keep_stream_alive();
  });
}

void Connection::add_head(const Reply& reply, bool chunked) {
  std::string text = fmt::format("HTTP/1.1 {} {}\r\nDate: {}\r\nServer: lpmc\r\n", reply.status,
                                 reason_phrase(reply.status), http_date());
  for (const auto& [name, value] : reply.headers)
    text += fmt::format("{}: {}\r\n", name, value);
  if (!reply.content_type.empty()) text += fmt::format("Content-Type: {}\r\n", reply.content_type);
  const bool has_body = reply.status != 204 && reply.status != 304;
  if (chunked) {
    text += "Transfer-Encoding: chunked\r\n";
  } else if (has_body && !streaming_) {
    text += fmt::format("Content-Length: {}\r\n", reply.body.size());
  }
  if (!keep_open_) {
    text += "Connection: close\r\n";
  } else if (version_ == 10) {
    text += "Connection: keep-alive\r\n";
  }
  add_output(text + "\r\n");
}

void Connection::add_output(std::string&& text) {
  output_bytes_ += text.size();
  output_.push_back(std::move(text));
}

void Connection::write_next() {
  if (closed_ || writing_) return;
  if (output_.empty()) {
    if (answer_whole_) answer_ended();
    return;
  }
  writing_ = true;
  stream_.expires_after(seconds(server_->options.write_timeout_s));
  asio::async_write(stream_, asio::buffer(output_.front()),
                    [self = shared_from_this()](Code error, std::size_t) { self->on_written(error); });
}

void Connection::on_written(Code error) {
  writing_ = false;
  if (closed_) return;
  if (error) return close();
  output_bytes_ -= output_.front().size();
  output_.pop_front();
  write_next();
}

void Connection::answer_ended() {
  deadline_.cancel();
  keep_alive_timer_.cancel();
  reader_.reset();
  if (std::exchange(counted_, false)) --server_->exchanges;
  if (server_->draining) keep_open_ = false;
  if (watching_ || reading_) {
    stream_.cancel();  // on_watch or on_body goes on
  } else {
    next_request();
  }
}

void Connection::next_request() {
  ++exchange_number_;  // what still comes for the one that ended is nobody's
  if (keep_open_) {
    answering_ = streaming_ = answer_whole_ = false;
    read_header();
  } else {
    linger();
  }
}

/// Closing at once while the client still sends would take the answer from it.
void Connection::linger() {
  Code ignored;
  idle_ = true;
  stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  stream_.expires_after(kLinger);
  chunk_.resize(kChunkBytes);
  discard();
}

void Connection::discard() {
  if (closed_) return;
  stream_.async_read_some(asio::buffer(chunk_), [self = shared_from_this()](Code error, std::size_t) {
    if (error) return self->close();
    self->discard();
  });
}

void Connection::close() {
  if (std::exchange(closed_, true)) return;
  idle_ = false;
  if (std::exchange(counted_, false)) --server_->exchanges;
  deadline_.cancel();
  keep_alive_timer_.cancel();
  upload_timer_.cancel();
  if (const auto exchange = exchange_.lock()) exchange->set_gone();
  reader_.reset();
  stream_.close();
}

}  // namespace lpmc::detail
