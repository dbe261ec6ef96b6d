#include "lpmc/http/http_client.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <future>
#include <mutex>
#include <set>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/loopback_server.h"

namespace lpmc {
namespace {

using test::LoopbackReply;
using test::LoopbackRequest;
using test::LoopbackServer;
using testing::HasSubstr;
using testing::Not;

LoopbackReply text_reply(std::string body) {
  LoopbackReply reply;
  reply.content_type = "text/plain";
  reply.body = std::move(body);
  return reply;
}

/// Says what it was asked.
LoopbackReply echo(const LoopbackRequest& request) {
  LoopbackReply reply = text_reply(fmt::format("{} {} {}", request.method, request.target, request.body));
  reply.headers.emplace_back("X-Authorization", request.header("authorization"));
  reply.headers.emplace_back("X-Extra", request.header("x-extra"));
  return reply;
}

HttpRequest get(std::string url) {
  HttpRequest request;
  request.url = std::move(url);
  return request;
}

TEST(HttpClient, SendsWhatItIsGiven) {
  LoopbackServer server(echo);
  HttpClient client({.user_agent = "lpmc/test"});
  HttpRequest request = get(server.origin() + "/path?x=1");
  request.method = "POST";
  request.body = std::string("a\0b", 3);
  request.bearer = Secret("sk-secret");
  request.headers = {{"X-Extra", "more"}};
  const HttpResponse response = client.fetch(request);
  ASSERT_TRUE(response.ok()) << response.failure_text;
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, std::string("POST /path?x=1 a\0b", 18));
  EXPECT_EQ(response.header("x-authorization"), "Bearer sk-secret");
  EXPECT_EQ(response.header("x-extra"), "more");
  EXPECT_EQ(response.header("content-type"), "text/plain");
  EXPECT_EQ(response.header("absent"), std::nullopt);
  request.method = "DELETE";
  request.body.clear();
  request.bearer = Secret();
  const HttpResponse other = client.fetch(std::move(request));
  EXPECT_EQ(other.body, "DELETE /path?x=1 ");
  EXPECT_EQ(other.header("x-authorization"), "");
}

TEST(HttpClient, KeepsConnections) {
  LoopbackServer server(echo);
  HttpClient client;
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(client.fetch(get(fmt::format("{}/{}", server.origin(), i))).body, fmt::format("GET /{} ", i));
  EXPECT_EQ(server.connections_accepted(), 1);
}

TEST(HttpClient, ManyAtOnceOnOneThreadEachGetsItsOwnAnswer) {
  LoopbackServer server([](const LoopbackRequest& request) {
    LoopbackReply reply = text_reply(request.body);
    reply.delay_s = 0.001 * static_cast<double>(request.body.size() % 7);
    return reply;
  });
  HttpClient client({.max_connections = 40});
  constexpr int kCount = 2000;
  std::atomic<int> left{kCount}, wrong{0};
  std::mutex mutex;
  std::set<std::thread::id> threads;
  std::promise<void> all;
  for (int i = 0; i < kCount; ++i) {
    HttpRequest request = get(server.origin());
    request.method = "POST";
    request.body = fmt::format("body {} {}", i, std::string(static_cast<std::size_t>(i % 13), 'x'));
    const std::string expected = request.body;
    client.send(std::move(request), [&, expected](HttpResponse&& response) {
      if (!response.ok() || response.body != expected) ++wrong;
      const std::lock_guard lock(mutex);
      threads.insert(std::this_thread::get_id());
      if (--left == 0) all.set_value();
    });
  }
  all.get_future().wait();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(threads.size(), 1U);
  EXPECT_LE(server.connections_accepted(), 40);
}

TEST(HttpClient, LimitOfAHostLeavesOthersTheirShare) {
  std::atomic<int> most{0};
  LoopbackServer slow([&](const LoopbackRequest& request) {
    most = std::max<int>(most, static_cast<int>(request.connection));
    LoopbackReply reply = text_reply("slow");
    reply.delay_s = 0.02;
    return reply;
  });
  LoopbackServer fast(echo);
  HttpClient client({.max_connections = 8, .max_connections_per_host = 2});
  std::atomic<int> done{0};
  for (int i = 0; i < 20; ++i)
    client.send(get(slow.origin()), [&](HttpResponse&&) { ++done; });
  const HttpResponse response = client.fetch(get(fast.origin() + "/first"));
  EXPECT_TRUE(response.ok());
  EXPECT_LT(done, 20);
  while (client.in_flight() > 0)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(done, 20);
  EXPECT_LE(most, 2);
}

TEST(HttpClient, ADoneMaySendAgain) {
  LoopbackServer server(echo);
  HttpClient client;
  std::promise<std::string> last;
  std::function<void(int)> step = [&](int i) {
    client.send(get(fmt::format("{}/{}", server.origin(), i)), [&, i](HttpResponse&& response) {
      if (i == 20) return last.set_value(response.body);
      step(i + 1);
    });
  };
  step(0);
  EXPECT_EQ(last.get_future().get(), "GET /20 ");
}

TEST(HttpClient, BrokenAnswersAreFailures) {
  const auto ask = [](LoopbackReply reply) {
    LoopbackServer server([&](const LoopbackRequest&) { return reply; });
    HttpClient client;
    return client.fetch(get(server.origin()));
  };
  LoopbackReply cut = text_reply(std::string(1000, 'x'));
  cut.cut_after = 500;
  HttpResponse response = ask(cut);
  EXPECT_EQ(response.failure, HttpFailure::broken);
  EXPECT_EQ(response.status, 200);
  EXPECT_FALSE(response.ok());
  cut.chunked = true;
  EXPECT_EQ(ask(cut).failure, HttpFailure::broken);
  LoopbackReply reset;
  reset.reset = true;
  response = ask(reset);
  EXPECT_EQ(response.failure, HttpFailure::broken);
  EXPECT_EQ(response.status, 0);
  EXPECT_THAT(response.failure_text, HasSubstr("127.0.0.1"));
  LoopbackReply whole = text_reply(std::string(1000, 'x'));
  whole.chunked = true;
  EXPECT_EQ(ask(whole).body, whole.body);
}

TEST(HttpClient, AnAnswerSentTwiceDoesNotReachTheNextRequest) {
  LoopbackServer server([](const LoopbackRequest& request) {
    LoopbackReply reply = text_reply(request.body);
    reply.twice = true;
    return reply;
  });
  HttpClient client;
  for (int i = 0; i < 20; ++i) {
    HttpRequest request = get(server.origin());
    request.method = "POST";
    request.body = fmt::format("question {}", i);
    const std::string expected = request.body;
    EXPECT_EQ(client.fetch(std::move(request)).body, expected);
  }
}

TEST(HttpClient, TimeoutsAndStalls) {
  LoopbackServer server([](const LoopbackRequest&) {
    LoopbackReply reply = text_reply("late");
    reply.delay_s = 30;
    return reply;
  });
  HttpClient client;
  HttpRequest request = get(server.origin());
  request.timeout_s = 0.1;
  EXPECT_EQ(client.fetch(request).failure, HttpFailure::timeout);
  request.timeout_s = 60;
  request.stall_timeout_s = 1;
  EXPECT_EQ(client.fetch(request).failure, HttpFailure::timeout);
}

TEST(HttpClient, BoundedBodies) {
  LoopbackServer server([](const LoopbackRequest&) { return text_reply(std::string(100'000, 'x')); });
  HttpClient client;
  HttpRequest request = get(server.origin());
  request.max_body_bytes = 1000;
  HttpResponse response = client.fetch(request);
  EXPECT_EQ(response.failure, HttpFailure::too_large);
  EXPECT_LE(response.body.size(), 1000U);
  request.max_body_bytes = 100'000;
  EXPECT_TRUE(client.fetch(request).ok());
}

TEST(HttpClient, PiecesGoToTheReceiver) {
  std::atomic<int> status{200};
  LoopbackServer server([&](const LoopbackRequest&) {
    LoopbackReply reply = text_reply(std::string(300'000, 'y'));
    reply.status = status;
    return reply;
  });
  HttpClient client;
  std::size_t got = 0;
  HttpRequest request = get(server.origin());
  request.max_body_bytes = 1 << 20;
  request.on_data = [&](std::span<const char> piece) {
    got += piece.size();
    return true;
  };
  HttpResponse response = client.fetch(request);
  EXPECT_TRUE(response.ok());
  EXPECT_EQ(got, 300'000U);
  EXPECT_TRUE(response.body.empty());
  status = 404;  // a refusal is no data
  response = client.fetch(request);
  EXPECT_EQ(got, 300'000U);
  EXPECT_EQ(response.body.size(), 300'000U);
  status = 200;
  request.on_data = [](std::span<const char>) { return false; };
  EXPECT_EQ(client.fetch(request).failure, HttpFailure::cancelled);
}

TEST(HttpClient, BadRequestsNeverLeave) {
  std::atomic<int> asked{0};
  LoopbackServer server([&](const LoopbackRequest&) {
    ++asked;
    return text_reply("");
  });
  HttpClient client;
  for (const char* const url :
       {"", "nonsense", "file:///etc/passwd", "ftp://127.0.0.1/", "http://", "http://a\nb/"})
    EXPECT_EQ(client.fetch(get(url)).failure, HttpFailure::bad_url) << url;
  HttpRequest request = get(server.origin());
  request.headers = {{"X-Extra", "a\r\nX-Smuggled: b"}};
  EXPECT_EQ(client.fetch(request).failure, HttpFailure::bad_url);
  request.headers.clear();
  request.bearer = Secret("sk-secret\r\nX-Smuggled: b");
  const HttpResponse response = client.fetch(request);
  EXPECT_EQ(response.failure, HttpFailure::bad_url);
  EXPECT_THAT(response.failure_text, Not(HasSubstr("secret")));
  EXPECT_EQ(asked, 0);
}

TEST(HttpClient, NobodyThere) {
  std::string origin;
  {
    const LoopbackServer gone(echo);
    origin = gone.origin();
  }
  HttpClient client;
  HttpRequest request = get(origin);
  request.bearer = Secret("sk-secret");
  const HttpResponse response = client.fetch(request);
  EXPECT_EQ(response.failure, HttpFailure::connect);
  EXPECT_EQ(response.status, 0);
  EXPECT_THAT(response.failure_text, Not(HasSubstr("secret")));
}

TEST(HttpClient, TheKeyDoesNotFollowARedirectToAnotherHost) {
  LoopbackServer target(echo);
  std::string location;
  LoopbackServer server([&](const LoopbackRequest& request) {
    if (request.target != "/start") return echo(request);
    LoopbackReply reply = text_reply("");
    reply.status = 302;
    reply.headers.emplace_back("Location", location);
    return reply;
  });
  HttpClient client;
  HttpRequest request = get(server.origin() + "/start");
  request.bearer = Secret("sk-secret");
  location = target.origin() + "/elsewhere";
  HttpResponse response = client.fetch(request);
  EXPECT_EQ(response.body, "GET /elsewhere ");
  EXPECT_EQ(response.header("x-authorization"), "");
  location = "/here";
  response = client.fetch(request);
  EXPECT_EQ(response.body, "GET /here ");
  EXPECT_EQ(response.header("x-authorization"), "Bearer sk-secret");
  location = "file:///etc/passwd";
  EXPECT_EQ(client.fetch(request).failure, HttpFailure::bad_url);
  location = "/start";
  EXPECT_EQ(client.fetch(request).failure, HttpFailure::bad_url);
  request.method = "POST";
  EXPECT_EQ(client.fetch(request).status, 302);
}

TEST(HttpClient, NoProxyForLoopback) {
  LoopbackServer proxy([](const LoopbackRequest&) { return text_reply("the proxy"); });
  LoopbackServer server(echo);
  ASSERT_EQ(::setenv("http_proxy", proxy.origin().c_str(), 1), 0);
  {
    HttpClient client;
    EXPECT_EQ(client.fetch(get(server.origin() + "/a")).body, "GET /a ");
    EXPECT_EQ(client.fetch(get("http://host.invalid/b")).body, "the proxy");
  }
  ::unsetenv("http_proxy");
}

TEST(HttpClient, CancellingEndsEveryRequestOnce) {
  LoopbackServer server([](const LoopbackRequest&) {
    LoopbackReply reply = text_reply("late");
    reply.delay_s = 30;
    return reply;
  });
  std::atomic<int> cancelled{0}, other{0};
  const auto count = [&](HttpResponse&& response) {
    ++(response.failure == HttpFailure::cancelled ? cancelled : other);
  };
  HttpClient client({.max_connections = 10});
  for (int i = 0; i < 30; ++i)
    client.send(get(server.origin()), count);
  EXPECT_EQ(client.in_flight(), 30U);
  client.cancel_all();
  while (client.in_flight() > 0)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(cancelled, 30);
  {
    HttpClient going(HttpClientOptions{.max_connections = 10});
    for (int i = 0; i < 30; ++i)
      going.send(get(server.origin()), count);
  }
  EXPECT_EQ(cancelled, 60);
  EXPECT_EQ(other, 0);
}

}  // namespace
}  // namespace lpmc
