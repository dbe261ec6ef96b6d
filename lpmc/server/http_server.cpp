#include "lpmc/server/http_server.h"

#include <chrono>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <fmt/format.h>

#include "lpmc/base/error.h"
#include "lpmc/base/log.h"
#include "lpmc/server/connection.h"

namespace lpmc {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

/// How long to wait when no descriptor is left for a connection.
constexpr auto kAcceptAgain = std::chrono::milliseconds(100);

}  // namespace

struct HttpServer::Impl {
  std::shared_ptr<detail::ServerState> state;
  asio::executor_work_guard<asio::io_context::executor_type> guard;
  tcp::acceptor acceptor;
  asio::steady_timer accept_again;
  std::uint64_t accepted = 0;
  std::vector<std::thread> threads;

  Impl(const HttpServerOptions& options, RequestHandler& handler)
      : state(std::make_shared<detail::ServerState>(options, handler)),
        guard(state->context.get_executor()),
        acceptor(asio::make_strand(state->context)),
        accept_again(acceptor.get_executor()) {
    listen();
    accept();
    for (int i = 0; i < options.threads; ++i)
      threads.emplace_back([this] { run(); });
  }

  void listen() {
    const HttpServerOptions& options = state->options;
    const std::string where = fmt::format("{}:{}", options.host, options.port);
    LPMC_REQUIRE(options.port >= 0 && options.port <= 65535, invalid_argument,
                 "port: expected 0 to 65535, found {}", options.port);
    boost::system::error_code error;
    tcp::resolver resolver(state->context);
    const auto found = resolver.resolve(options.host, std::to_string(options.port),
                                        tcp::resolver::passive | tcp::resolver::numeric_service, error);
    LPMC_REQUIRE(!error && !found.empty(), invalid_argument, "host {}: {}", options.host, error.message());
    const tcp::endpoint endpoint = found.begin()->endpoint();
    const auto check = [&](const char* what) {
      LPMC_REQUIRE(!error, io, "{}: could not {}: {}", where, what, error.message());
    };
    acceptor.open(endpoint.protocol(), error);
    check("open a socket");
    acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    acceptor.bind(endpoint, error);
    check("listen");
    acceptor.listen(asio::socket_base::max_listen_connections, error);
    check("listen");
  }

  void accept() {
    acceptor.async_accept(asio::make_strand(state->context),
                          [this](boost::system::error_code error, tcp::socket socket) {
                            if (error == asio::error::operation_aborted || !acceptor.is_open()) return;
                            if (error) return wait_to_accept();
                            take(std::move(socket));
                            accept();
                          });
  }

  void wait_to_accept() {
    accept_again.expires_after(kAcceptAgain);
    accept_again.async_wait([this](boost::system::error_code error) {
      if (!error) accept();
    });
  }

  void take(tcp::socket&& socket) {
    const auto connection = std::make_shared<detail::Connection>(std::move(socket), accepted++, state);
    std::shared_ptr<detail::Connection> victim;
    std::vector<std::shared_ptr<detail::Connection>> seen;  // let go outside of the lock
    bool full = false;
    {
      const std::lock_guard lock(state->mutex);
      full = state->connections.size() >= static_cast<std::size_t>(state->options.max_clients);
      if (full) victim = oldest_idle(seen);
      if (!full || victim) state->connections.emplace(accepted - 1, connection);
    }
    if (victim) victim->close_if_idle();
    if (full && !victim) return connection->refuse();
    connection->start();
  }

  /// Clients that have nothing to ask, or are slow to, make room for others. @pre the mutex is held
  std::shared_ptr<detail::Connection> oldest_idle(
      std::vector<std::shared_ptr<detail::Connection>>& seen) const {
    for (const auto& [id, weak] : state->connections) {
      if (auto connection = weak.lock()) seen.push_back(std::move(connection));
      if (!seen.empty() && seen.back()->is_idle()) return seen.back();
    }
    return nullptr;
  }

  void run() {
    while (true) {
      try {
        state->context.run();
        return;
      } catch (const std::exception& error) {
        log(LogLevel::error, "server: {}", error.what());
      }
    }
  }

  void stop() {
    if (threads.empty()) return;
    asio::post(acceptor.get_executor(), [this] {
      boost::system::error_code ignored;
      acceptor.close(ignored);
      accept_again.cancel();
      std::vector<std::shared_ptr<detail::Connection>> open;
      {
        const std::lock_guard lock(state->mutex);
        for (const auto& [id, weak] : state->connections) {
          if (auto connection = weak.lock()) open.push_back(std::move(connection));
        }
      }
      for (const auto& connection : open)
        connection->close_soon();
      guard.reset();
    });
    for (std::thread& thread : threads)
      thread.join();
    threads.clear();
  }
};

HttpServer::HttpServer(const HttpServerOptions& options, RequestHandler& handler)
    : impl_(std::make_unique<Impl>(options, handler)) {}

HttpServer::~HttpServer() {
  stop();
}

int HttpServer::port() const {
  return impl_->acceptor.local_endpoint().port();
}

std::string HttpServer::origin() const {
  const tcp::endpoint endpoint = impl_->acceptor.local_endpoint();
  const std::string address = endpoint.address().to_string();
  return fmt::format(fmt::runtime(endpoint.address().is_v6() ? "http://[{}]:{}" : "http://{}:{}"), address,
                     endpoint.port());
}

std::size_t HttpServer::connections() const {
  const std::lock_guard lock(impl_->state->mutex);
  return impl_->state->connections.size();
}

std::size_t HttpServer::exchanges() const {
  return impl_->state->exchanges;
}

void HttpServer::drain() {
  impl_->state->draining = true;
}

void HttpServer::stop() {
  impl_->stop();
}

}  // namespace lpmc
