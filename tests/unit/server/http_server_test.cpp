// Connections that are slow, broken, hostile or gone, and the others beside them.

#include "lpmc/server/http_server.h"

#include <chrono>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/server/served_model.h"

namespace lpmc {
namespace {

using test::form_field;
using test::form_file;
using test::kFormEnd;
using test::kFormType;
using test::RawClient;
using test::ServedModel;
using test::ServedModelOptions;
using test::status_of_answer;

const std::string kHealth = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Waits for what another thread brings about.
template <class Condition>
bool comes_true(const Condition& condition) {
  for (int look = 0; look < 4000 && !condition(); ++look)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  return condition();
}

TEST(HttpServer, AnswersRequestsOfOneConnectionInTurn) {
  const ServedModel served;
  const RawClient client(served.port());
  client.send(kHealth);
  EXPECT_EQ(status_of_answer(client.read_until("}")), 200);
  client.send(kHealth + kHealth +
              "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");  // pipelined
  const std::string answers = client.read_all();
  std::size_t count = 0;
  for (std::size_t at = answers.find("200 OK"); at != std::string::npos; at = answers.find("200 OK", at + 1))
    ++count;
  EXPECT_EQ(count, 3U);
}

TEST(HttpServer, RefusesWhatIsNoRequest) {
  const ServedModel served;
  const std::string host = "Host: localhost\r\n";
  EXPECT_EQ(status_of_answer(served.ask("hello\r\n\r\n")), 400);
  EXPECT_EQ(status_of_answer(served.ask("GET / HTTP/1.1\r\n\r\n")), 400);  // no Host
  EXPECT_EQ(status_of_answer(served.ask("GET / HTTP/1.1\r\n" + host + host + "\r\n")), 400);
  EXPECT_EQ(status_of_answer(served.ask("GET x HTTP/1.1\r\n" + host + "\r\n")), 400);
  EXPECT_EQ(status_of_answer(
                served.ask("GET / HTTP/1.1\r\n" + host + "A: " + std::string(100'000, 'a') + "\r\n\r\n")),
            431);
  // Two lengths: another server before this one might believe the other.
  EXPECT_EQ(status_of_answer(served.ask("POST /v1/jobs HTTP/1.1\r\n" + host +
                                        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")),
            400);
  EXPECT_EQ(status_of_answer(served.ask("POST /v1/jobs HTTP/1.1\r\n" + host + "Content-Length: -5\r\n\r\n")),
            400);
  EXPECT_EQ(status_of_answer(served.get("/health")), 200);
}

TEST(HttpServer, TakesLengthsThatLie) {
  const ServedModel served;
  const std::string head =
      "POST /v1/captions HTTP/1.1\r\nHost: localhost\r\nContent-Type: " + std::string(kFormType);
  {
    const RawClient client(served.port());  // announces more than it sends
    client.send(head + "\r\nContent-Length: 100000\r\n\r\n" + form_file("file", "a.wav", "RIFF"));
    client.end_sending();
    EXPECT_EQ(status_of_answer(client.read_all()), 400);
  }
  {
    const RawClient client(served.port());  // announces far more than is allowed
    client.send(head + "\r\nContent-Length: 99999999999999\r\n\r\n");
    EXPECT_EQ(status_of_answer(client.read_all()), 413);
  }
  {
    const RawClient client(served.port());  // wrong chunks
    client.send(head + "\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
    EXPECT_EQ(status_of_answer(client.read_all()), 400);
  }
  EXPECT_TRUE(comes_true([&] { return served.uploads_are_gone(); }));
  EXPECT_EQ(status_of_answer(served.get("/health")), 200);
}

TEST(HttpServer, EndsABodyWithoutEnd) {
  ServedModelOptions options;
  options.server.max_upload_mb = 1;
  const ServedModel served(options);
  const RawClient client(served.port());
  client.send(
      "POST /v1/captions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Type: " +
      std::string(kFormType) + "\r\n\r\n");
  const auto chunk = [](const std::string& text) {
    char size[20];
    std::snprintf(size, sizeof(size), "%zx\r\n", text.size());
    return size + text + "\r\n";
  };
  std::string part = form_file("file", "a.wav", std::string(100'000, 'x'));
  part.resize(part.size() - 2);
  bool open = client.send(chunk(part));
  for (int i = 0; i < 1000 && open; ++i)  // 100 MB, were it let
    open = client.send(chunk(std::string(100'000, 'x')));
  EXPECT_EQ(status_of_answer(client.read_all()), 413);
  EXPECT_TRUE(served.uploads_are_gone());
}

TEST(HttpServer, SaysContinueOnlyToWhatItTakes) {
  const ServedModel served;
  const std::string sound =
      form_field("tokens", "true") + form_file("file", "a.wav", served.recording(11)) + kFormEnd;
  const std::string head =
      "POST /v1/captions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nExpect: "
      "100-continue\r\nContent-Length: " +
      std::to_string(sound.size()) + "\r\nContent-Type: ";
  const RawClient taken(served.port());
  taken.send(head + kFormType + "\r\n\r\n");
  EXPECT_EQ(taken.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  taken.send(sound);
  EXPECT_EQ(status_of_answer(taken.read_all()), 200);
  const RawClient refused(served.port());
  refused.send(head + "text/plain\r\n\r\n");
  EXPECT_EQ(status_of_answer(refused.read_until("\r\n\r\n")), 415);
}

TEST(HttpServer, SlowAndSilentClientsDoNotStopTheOthers) {
  ServedModelOptions options;
  options.http.max_clients = 100;
  options.http.header_timeout_s = 60;
  const ServedModel served(options);
  std::vector<std::unique_ptr<RawClient>> slow;
  for (int i = 0; i < 300; ++i) {
    slow.push_back(std::make_unique<RawClient>(served.port()));
    slow.back()->send(i % 2 == 0 ? "GET /hea" : "");
  }
  EXPECT_EQ(status_of_answer(served.get("/health")), 200);
  EXPECT_TRUE(comes_true([&] { return served.server().connections() <= 100; }));
}

TEST(HttpServer, TimesOutSlowHeadersAndBodies) {
  ServedModelOptions options;
  options.http.header_timeout_s = 0.2;
  options.http.body_timeout_s = 0.2;
  const ServedModel served(options);
  const RawClient header(served.port()), body(served.port());
  header.send("GET /health HT");
  body.send("POST /v1/captions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\nContent-Type: " +
            std::string(kFormType) + "\r\n\r\n" + form_file("file", "a.wav", "x"));
  EXPECT_EQ(header.read_all(), "");
  EXPECT_EQ(body.read_all(), "");
  EXPECT_TRUE(comes_true([&] { return served.server().exchanges() == 0; }));
  EXPECT_TRUE(served.uploads_are_gone());
}

TEST(HttpServer, AClientThatGoesCancelsItsWork) {
  const ServedModel served;
  const std::string body =
      form_field("tokens", "true") + form_file("file", "a.wav", served.recording(900)) + kFormEnd;
  for (const char* accept : {"application/json", "text/event-stream"}) {
    RawClient client(served.port());
    client.send("POST /v1/captions HTTP/1.1\r\nHost: localhost\r\nAccept: " + std::string(accept) +
                "\r\nContent-Type: " + kFormType + "\r\nContent-Length: " + std::to_string(body.size()) +
                "\r\n\r\n" + body);
    ASSERT_TRUE(comes_true([&] { return served.service().load().requests == 1; }));
    client.close();
    EXPECT_TRUE(comes_true([&] { return served.service().load().requests == 0; })) << accept;
  }
  EXPECT_LT(served.service().load().segments_done, 180U);  // of twice 90
}

TEST(HttpServer, AFullQueueSaysSoBeforeItReadsTheUpload) {
  ServedModelOptions options;
  options.server.max_queue = 1;
  const ServedModel served(options);
  const std::string body =
      form_field("tokens", "true") + form_file("file", "a.wav", served.recording(900)) + kFormEnd;
  const RawClient first(served.port());
  first.send("POST /v1/captions HTTP/1.1\r\nHost: localhost\r\nContent-Type: " + std::string(kFormType) +
             "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  ASSERT_TRUE(comes_true([&] { return served.service().load().requests == 1; }));
  const RawClient second(served.port());
  second.send("POST /v1/captions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\nContent-Type: " +
              std::string(kFormType) + "\r\n\r\n");
  const std::string answer = second.read_until("}}");
  EXPECT_EQ(status_of_answer(answer), 429);
  EXPECT_NE(answer.find("Retry-After: "), std::string::npos);
}

TEST(HttpServer, ManyAskAtOnceAndEachGetsItsOwnAnswer) {
  const ServedModel served;
  std::vector<std::string> bodies;
  for (int i = 0; i < 4; ++i)
    bodies.push_back(served.recording(2.0 + i));
  std::vector<int> wrong(8, 0);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < 12; ++i) {
        const std::size_t which = (t + i) % bodies.size();
        const std::string answer =
            served.post("/v1/captions", kFormType,
                        form_field("tokens", "true") + form_file("file", "a.wav", bodies[which]) + kFormEnd);
        const std::string expected = "\"duration_s\": " + std::to_string(2 + which) + ".0";
        wrong[t] += answer.find(expected) == std::string::npos ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(wrong, std::vector<int>(8, 0));
}

}  // namespace
}  // namespace lpmc
