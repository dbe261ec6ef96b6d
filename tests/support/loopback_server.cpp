#include "tests/support/loopback_server.h"

#include <algorithm>
#include <atomic>
#include <cctype>
#include <charconv>
#include <chrono>
#include <queue>
#include <stdexcept>
#include <thread>
#include <unordered_map>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace lpmc::test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxHead = 64U << 10;

std::string_view reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 429:
      return "Too Many Requests";
    case 503:
      return "Service Unavailable";
    default:
      return "Status";
  }
}

/// What goes over the wire, and where it is cut.
std::string encode(const LoopbackReply& reply) {
  std::string head = fmt::format("HTTP/1.1 {} {}\r\n", reply.status, reason(reply.status));
  if (!reply.content_type.empty()) head += fmt::format("Content-Type: {}\r\n", reply.content_type);
  for (const auto& [name, value] : reply.headers)
    head += fmt::format("{}: {}\r\n", name, value);
  if (reply.close) head += "Connection: close\r\n";
  std::string body;
  if (reply.chunked) {
    head += "Transfer-Encoding: chunked\r\n\r\n";
    const std::string_view whole = reply.body;
    for (std::size_t at = 0; at < whole.size(); at += 64) {
      const std::string_view piece = whole.substr(at, 64);
      body += fmt::format("{:x}\r\n{}\r\n", piece.size(), piece);
    }
    body += "0\r\n\r\n";
  } else {
    head += fmt::format("Content-Length: {}\r\n\r\n", reply.body.size());
    body = reply.body;
  }
  if (reply.cut_after) body.resize(std::min(body.size(), *reply.cut_after));
  head += body;
  return reply.twice ? head + head : head;
}

struct Connection {
  int fd = -1;
  std::int64_t number = 0;
  std::string in, out;
  bool waiting = false;  ///< an answer is due later; pipelined requests wait
  bool close_after = false;
  bool wants_write = false;
};

struct Later {
  Clock::time_point when;
  std::int64_t connection;
  std::string bytes;
  bool operator>(const Later& other) const { return when > other.when; }
};

}  // namespace

std::string LoopbackRequest::header(std::string_view lower_case_name) const {
  for (const auto& [name, value] : headers)
    if (name == lower_case_name) return value;
  return {};
}

struct LoopbackServer::Impl {
  explicit Impl(Handler given) : handler(std::move(given)) {
    listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    epoll = ::epoll_create1(EPOLL_CLOEXEC);
    stop = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = static_cast<sockaddr*>(static_cast<void*>(&address));
    if (listener < 0 || epoll < 0 || stop < 0 || ::bind(listener, generic, size) != 0 ||
        ::listen(listener, 1024) != 0 || ::getsockname(listener, generic, &size) != 0) {
      throw std::runtime_error("the loopback server does not start");
    }
    port = ntohs(address.sin_port);
    watch(listener, EPOLLIN, EPOLL_CTL_ADD, 0);
    watch(stop, EPOLLIN, EPOLL_CTL_ADD, -1);
    thread = std::thread([this] { run(); });
  }

  ~Impl() {
    const std::uint64_t one = 1;
    (void)!::write(stop, &one, sizeof one);
    thread.join();
    for (auto& [number, connection] : connections)
      ::close(connection.fd);
    ::close(listener);
    ::close(epoll);
    ::close(stop);
  }

  void watch(int fd, std::uint32_t events, int operation, std::int64_t number) const {
    epoll_event event{};
    event.events = events;
    event.data.u64 = static_cast<std::uint64_t>(number);
    ::epoll_ctl(epoll, operation, fd, &event);
  }

  void run();
  void accept_all();
  int send_due();
  void read_from(Connection& connection);
  void handle_requests(Connection& connection);
  bool parse_request(Connection& connection, LoopbackRequest& request) const;
  void reply_to(Connection& connection, const LoopbackRequest& request);
  void write_to(Connection& connection);
  void drop(Connection& connection);

  Handler handler;
  int listener = -1, epoll = -1, stop = -1, port = 0;
  std::atomic<std::int64_t> accepted{0};
  std::unordered_map<std::int64_t, Connection> connections;
  std::priority_queue<Later, std::vector<Later>, std::greater<>> later;
  std::vector<std::int64_t> dropped;
  std::thread thread;
};

void LoopbackServer::Impl::run() {
  std::vector<epoll_event> events(256);
  for (;;) {
    const int timeout_ms = send_due();
    for (const std::int64_t number : std::exchange(dropped, {}))
      connections.erase(number);
    const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), timeout_ms);
    for (int i = 0; i < count; ++i) {
      const auto number = static_cast<std::int64_t>(events[static_cast<std::size_t>(i)].data.u64);
      const std::uint32_t what = events[static_cast<std::size_t>(i)].events;
      if (number < 0) return;
      if (number == 0) {
        accept_all();
        continue;
      }
      const auto found = connections.find(number);
      if (found == connections.end() || found->second.fd < 0) continue;
      if ((what & EPOLLOUT) != 0) write_to(found->second);
      if ((what & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && found->second.fd >= 0) read_from(found->second);
    }
  }
}

void LoopbackServer::Impl::accept_all() {
  for (;;) {
    const int fd = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    const int one = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    const std::int64_t number = ++accepted;
    connections[number].fd = fd;
    connections[number].number = number;
    watch(fd, EPOLLIN, EPOLL_CTL_ADD, number);
  }
}

/// Sends the delayed answers whose time has come. @return milliseconds to the next, -1 = none
int LoopbackServer::Impl::send_due() {
  while (!later.empty()) {
    const auto left = later.top().when - Clock::now();
    if (left.count() > 0) return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count());
    const Later due = later.top();
    later.pop();
    const auto found = connections.find(due.connection);
    if (found == connections.end() || found->second.fd < 0) continue;
    found->second.out += due.bytes;
    found->second.waiting = false;
    write_to(found->second);
    if (found->second.fd >= 0) handle_requests(found->second);
  }
  return -1;
}

void LoopbackServer::Impl::read_from(Connection& connection) {
  char buffer[16384];
  for (;;) {
    const ssize_t got = ::recv(connection.fd, buffer, sizeof buffer, 0);
    if (got > 0) {
      connection.in.append(buffer, static_cast<std::size_t>(got));
      if (static_cast<std::size_t>(got) == sizeof buffer) continue;
      break;
    }
    if (got == 0 || (errno != EAGAIN && errno != EINTR)) return drop(connection);
    if (errno == EAGAIN) break;
  }
  handle_requests(connection);
}

void LoopbackServer::Impl::handle_requests(Connection& connection) {
  LoopbackRequest request;
  while (connection.fd >= 0 && !connection.waiting && !connection.close_after &&
         parse_request(connection, request)) {
    reply_to(connection, request);
  }
}

/// Takes one whole request off the connection's input. @return false when it has not all come yet
bool LoopbackServer::Impl::parse_request(Connection& connection, LoopbackRequest& request) const {
  const std::string_view in = connection.in;
  const std::size_t head_end = in.find("\r\n\r\n");
  if (head_end == std::string_view::npos) {
    connection.close_after = in.size() > kMaxHead;
    return false;
  }
  request = LoopbackRequest{};
  request.connection = connection.number;
  std::size_t length = 0;
  std::size_t at = in.find("\r\n");
  const std::string_view first = in.substr(0, at);
  const std::size_t space = first.find(' ');
  request.method = first.substr(0, space);
  request.target = first.substr(space + 1, first.rfind(' ') - space - 1);
  while (at < head_end) {
    at += 2;
    const std::size_t end = in.find("\r\n", at);
    const std::string_view line = in.substr(at, end - at);
    const std::size_t colon = std::min(line.find(':'), line.size());
    std::string name(line.substr(0, colon));
    for (char& c : name)
      c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    std::string_view value = line.substr(std::min(colon + 1, line.size()));
    value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
    if (name == "content-length") std::from_chars(value.data(), value.data() + value.size(), length);
    request.headers.emplace_back(std::move(name), value);
    at = end;
  }
  if (in.size() < head_end + 4 + length) return false;
  request.body = in.substr(head_end + 4, length);
  connection.in.erase(0, head_end + 4 + length);
  return true;
}

void LoopbackServer::Impl::reply_to(Connection& connection, const LoopbackRequest& request) {
  const LoopbackReply reply = handler(request);
  if (reply.reset) {
    const linger hard{1, 0};  // close() sends RST
    ::setsockopt(connection.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    return drop(connection);
  }
  connection.close_after = reply.close || reply.cut_after.has_value();
  if (reply.delay_s > 0) {
    connection.waiting = true;
    const auto delay =
        std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(reply.delay_s));
    later.push({Clock::now() + delay, connection.number, encode(reply)});
    return;
  }
  connection.out += encode(reply);
  write_to(connection);
}

void LoopbackServer::Impl::write_to(Connection& connection) {
  std::size_t sent = 0;
  while (sent < connection.out.size()) {
    const ssize_t put =
        ::send(connection.fd, connection.out.data() + sent, connection.out.size() - sent, MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && errno == EAGAIN) break;
    if (put < 0) return drop(connection);
    sent += static_cast<std::size_t>(put);
  }
  connection.out.erase(0, sent);
  if (connection.out.empty() && connection.close_after && !connection.waiting) return drop(connection);
  const bool wants_write = !connection.out.empty();
  if (wants_write != connection.wants_write) {
    connection.wants_write = wants_write;
    watch(connection.fd, wants_write ? EPOLLIN | EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD, connection.number);
  }
}

void LoopbackServer::Impl::drop(Connection& connection) {
  ::close(connection.fd);
  connection.fd = -1;
  dropped.push_back(connection.number);
}

LoopbackServer::LoopbackServer(Handler handler) : impl_(std::make_unique<Impl>(std::move(handler))) {}

LoopbackServer::~LoopbackServer() = default;

int LoopbackServer::port() const {
  return impl_->port;
}

std::string LoopbackServer::origin() const {
  return fmt::format("http://127.0.0.1:{}", impl_->port);
}

std::int64_t LoopbackServer::connections_accepted() const {
  return impl_->accepted;
}

}  // namespace lpmc::test
