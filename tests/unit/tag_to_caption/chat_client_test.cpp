#include "lpmc/tag_to_caption/chat_client.h"

#include <atomic>
#include <future>
#include <mutex>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "lpmc/base/error.h"
#include "lpmc/base/log.h"
#include "lpmc/tag_to_caption/answer.h"
#include "lpmc/tag_to_caption/chat_completion.h"

#include "tests/support/chat_server.h"

namespace lpmc {
namespace {

using test::ChatFault;
using test::ChatQuery;
using test::ChatServer;
using test::ChatServerOptions;
using test::FormatDialect;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kKey = "sk-test-0123456789abcdef";
const std::string kPlain =
    "write a song description sentence including the following attributes. \n drums, slow";
const std::string kDictionary = "write the answer as a python dictionary with new_attribute \n drums, slow";

ChatOptions options_for(const ChatServer& server, std::string model = "m") {
  ChatOptions options;
  options.base_url = server.base_url();
  options.model = std::move(model);
  options.timeout_s = 20;
  return options;
}

ChatReply ask(ChatClient& client, const std::string& query, AnswerFormat format = AnswerFormat::plain) {
  std::promise<ChatReply> reply;
  client.ask(query, format, [&](ChatReply&& got) { reply.set_value(std::move(got)); });
  return reply.get_future().get();
}

ChatReply ask_with_fault(ChatFault fault, ChatServerOptions options = {}) {
  options.fault = [fault](const ChatQuery& query) {
    return query.times_asked == 1 ? fault : ChatFault::none;
  };
  ChatServer server(options);
  HttpClient http;
  ChatClient client(http, options_for(server));
  return ask(client, kPlain);
}

TEST(ChatClient, AsksAndReads) {
  ChatServer server({.requests_per_minute = 500, .tokens_per_minute = 30000});
  HttpClient http;
  ChatOptions options = options_for(server);
  options.temperature = 0.5;
  options.seed = 7;
  ChatClient client(http, options);
  const ChatReply reply = ask(client, kPlain);
  ASSERT_TRUE(reply.ok) << reply.error;
  EXPECT_EQ(reply.text, "A song with drums, slow.");
  EXPECT_EQ(reply.finish_reason, "stop");
  EXPECT_EQ(reply.model, "loopback-model");
  EXPECT_TRUE(reply.usage.reported);
  EXPECT_EQ(reply.usage.completion_tokens, 6);
  EXPECT_GT(reply.latency_s, 0);
  EXPECT_EQ(reply.limits.requests_per_minute, 500);
  EXPECT_EQ(reply.limits.tokens_per_minute, 30000);
  EXPECT_EQ(reply.limits.remaining_requests, 250);
  EXPECT_DOUBLE_EQ(reply.limits.reset_requests_s.value(), 0.12);
  EXPECT_DOUBLE_EQ(reply.limits.reset_tokens_s.value(), 62.5);
  const auto body = nlohmann::json::parse(server.last_body());
  EXPECT_EQ(body["model"], "m");
  EXPECT_EQ(body["temperature"], 0.5);
  EXPECT_EQ(body["seed"], 7);
  EXPECT_EQ(body["max_tokens"], 256);
  EXPECT_FALSE(body.contains("top_p"));
  EXPECT_FALSE(body.contains("response_format"));
  ASSERT_EQ(body["messages"].size(), 1U);  // one user message, as in the publication
  EXPECT_EQ(body["messages"][0]["role"], "user");
  EXPECT_EQ(body["messages"][0]["content"], kPlain);
}

TEST(ChatClient, ASeedOfItsOwn) {
  ChatServer server;
  HttpClient http;
  ChatClient client(http, options_for(server));
  std::promise<void> done;
  client.ask(kPlain, AnswerFormat::plain, std::int64_t{99}, [&](ChatReply&&) { done.set_value(); });
  done.get_future().wait();
  EXPECT_EQ(nlohmann::json::parse(server.last_body())["seed"], 99);
}

TEST(ChatClient, EstimatesUsageWhereNothingIsSaid) {
  ChatServer server({.usage = false});
  HttpClient http;
  ChatClient client(http, options_for(server));
  const ChatReply reply = ask(client, kPlain);
  EXPECT_FALSE(reply.usage.reported);
  EXPECT_EQ(reply.usage.prompt_tokens, static_cast<std::int64_t>((kPlain.size() + 3) / 4));
  EXPECT_EQ(reply.usage.completion_tokens, 6);
}

TEST(ChatClient, AddressesAsPeopleTypeThem) {
  ChatServer server;
  HttpClient http;
  for (const char* const end : {"", "/", "/chat/completions", "/chat/completions/"}) {
    ChatOptions options = options_for(server);
    options.base_url += end;
    ChatClient client(http, options);
    EXPECT_TRUE(ask(client, kPlain).ok) << end;
  }
}

struct DialectCase {
  FormatDialect dialect;
  std::int64_t requests_for_two;  // refused ones and the answers to two questions
  const char* last_format;
};

class Dialects : public testing::TestWithParam<DialectCase> {};

TEST_P(Dialects, AreLearntOnce) {
  ChatServer server({.dialect = GetParam().dialect});
  HttpClient http;
  ChatClient client(http, options_for(server));
  for (int i = 0; i < 2; ++i) {
    const ChatReply reply = ask(client, kDictionary, AnswerFormat::dictionary);
    ASSERT_TRUE(reply.ok) << reply.error;
    const auto answer = parse_dictionary_answer(reply.text);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->caption, "A song with drums, slow.");
  }
  EXPECT_EQ(server.counts().requests, GetParam().requests_for_two);
  const auto body = nlohmann::json::parse(server.last_body());
  EXPECT_EQ(body.contains("response_format") ? body["response_format"]["type"] : "none",
            GetParam().last_format);
  EXPECT_TRUE(ask(client, kPlain).ok);
  EXPECT_EQ(server.counts().requests, GetParam().requests_for_two + 1);
}

INSTANTIATE_TEST_SUITE_P(Servers, Dialects,
                         testing::Values(DialectCase{FormatDialect::takes_all, 2, "json_schema"},
                                         DialectCase{FormatDialect::openai_old, 4, "none"},
                                         DialectCase{FormatDialect::lm_studio, 2, "json_schema"},
                                         DialectCase{FormatDialect::llama_server_old, 3, "json_object"},
                                         DialectCase{FormatDialect::takes_none, 4, "none"}));

TEST(ChatClient, NewerModelsNameTheirLimitOtherwise) {
  ChatServer server({.new_token_field = true});
  HttpClient http;
  ChatClient client(http, options_for(server));
  EXPECT_TRUE(ask(client, kPlain).ok);
  EXPECT_TRUE(ask(client, kPlain).ok);
  EXPECT_EQ(server.counts().requests, 3);
  EXPECT_EQ(nlohmann::json::parse(server.last_body())["max_completion_tokens"], 256);
}

TEST(ChatClient, FaultsToTryAgain) {
  for (const ChatFault fault :
       {ChatFault::too_many_requests, ChatFault::too_many_requests_retry_after, ChatFault::server_error,
        ChatFault::unavailable, ChatFault::truncated_json, ChatFault::cut_chunks, ChatFault::cut_body,
        ChatFault::reset, ChatFault::html_page, ChatFault::error_in_200}) {
    const ChatReply reply = ask_with_fault(fault);
    EXPECT_FALSE(reply.ok) << static_cast<int>(fault);
    EXPECT_EQ(reply.retry, RetryClass::retry) << reply.error;
    EXPECT_FALSE(reply.error.empty());
    EXPECT_EQ(reply.error.find('\n'), std::string::npos);
  }
  EXPECT_EQ(ask_with_fault(ChatFault::too_many_requests_retry_after, {.retry_after_s = 7}).retry_after_s, 7);
  EXPECT_EQ(ask_with_fault(ChatFault::too_many_requests).retry_after_s, std::nullopt);
  EXPECT_THAT(ask_with_fault(ChatFault::html_page).error, HasSubstr("Sign in to continue"));
  EXPECT_THAT(ask_with_fault(ChatFault::unavailable).error, HasSubstr("503"));
}

TEST(ChatClient, FaultsThatDoNoHarmAndThoseThatAreFinal) {
  for (const ChatFault fault :
       {ChatFault::slow_first_byte, ChatFault::wrong_content_type, ChatFault::answered_twice})
    EXPECT_EQ(ask_with_fault(fault).text, "A song with drums, slow.");
  const ChatReply refused = ask_with_fault(ChatFault::bad_request);
  EXPECT_EQ(refused.retry, RetryClass::never);
  EXPECT_EQ(refused.status, 400);
  EXPECT_THAT(refused.error, HasSubstr("refused for good"));
}

TEST(ChatClient, ManyThroughFaultsEachGetsItsOwnAnswer) {
  ChatServerOptions options;
  options.fault = [](const ChatQuery& query) {
    if (query.times_asked > 2) return ChatFault::none;
    return static_cast<ChatFault>(query.index % 14);  // all but bad_request
  };
  options.slow_s = 0.002;
  ChatServer server(options);
  HttpClient http({.max_connections = 64});
  ChatClient client(http, options_for(server));
  constexpr int kCount = 3000;
  std::atomic<int> left{kCount}, wrong{0}, again{0};
  std::promise<void> all;
  std::function<void(int)> ask_one = [&](int i) {
    const std::string query = fmt::format("write a song. \n tag {}", i);
    client.ask(query, AnswerFormat::plain, [&, i, query](ChatReply&& reply) {
      if (!reply.ok && reply.retry == RetryClass::retry) {
        ++again;
        return ask_one(i);
      }
      if (reply.text != test::expected_caption(query)) ++wrong;
      if (--left == 0) all.set_value();
    });
  };
  for (int i = 0; i < kCount; ++i)
    ask_one(i);
  all.get_future().wait();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(again, kCount / 2);
  EXPECT_EQ(server.counts().distinct_answered, kCount);
  // No answer was thrown away by the client: each question was paid for once.
  EXPECT_EQ(server.counts().answered_more_than_once, 0);
}

TEST(ChatClient, TheKeyIsSentAndNeverShown) {
  ChatServer server({.api_key = kKey});
  HttpClient http;
  ChatOptions options = options_for(server);
  options.api_key = Secret(kKey);
  ChatClient right(http, options);
  EXPECT_TRUE(ask(right, kPlain).ok);
  EXPECT_EQ(server.last_authorization(), std::string("Bearer ") + kKey);
  EXPECT_THAT(server.last_body(), Not(HasSubstr(kKey)));

  for (const std::string wrong_key : {"sk-wrong-abcdefghijk", "gsk_without_known_beginning"}) {
    options.api_key = Secret(wrong_key);
    ChatClient wrong(http, options);
    const ChatReply reply = ask(wrong, kPlain);
    EXPECT_EQ(reply.status, 401);
    EXPECT_EQ(reply.retry, RetryClass::never);
    EXPECT_THAT(reply.error, HasSubstr("Incorrect API key provided: [key]"));
    EXPECT_THAT(reply.error, Not(HasSubstr(wrong_key)));
    try {
      wrong.check_server();
      ADD_FAILURE() << "a wrong key was taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::remote);
      EXPECT_THAT(error.what(), HasSubstr("401"));
      EXPECT_THAT(error.what(), Not(HasSubstr(wrong_key)));
    }
  }
}

TEST(ChatClient, AnEchoedKeyIsTakenOutOfTheAnswer) {
  ChatServer server({.answer = [](const std::string&) { return fmt::format("Your key is {}.", kKey); }});
  HttpClient http;
  ChatOptions options = options_for(server);
  options.api_key = Secret(kKey);
  ChatClient client(http, options);
  EXPECT_EQ(ask(client, kPlain).text, "Your key is [key].");
}

TEST(ChatClient, HidesWhatServersRepeatOfAKey) {
  const Secret key("abcd1234efgh5678");
  EXPECT_EQ(hide_key("no abcd1234efgh5678!", key), "no [key]!");
  EXPECT_EQ(hide_key("key: abcd1234****", key), "key: [key]");
  EXPECT_EQ(hide_key("key 'sk-proj-1***9' is bad", key), "key '[key]' is bad");
  EXPECT_EQ(hide_key("key abcd1234ef... is bad", key), "key [key] is bad");
  EXPECT_EQ(hide_key("nothing here", key), "nothing here");
  EXPECT_EQ(hide_key("nothing here", Secret()), "nothing here");
}

TEST(ChatClient, ChecksTheServer) {
  ChatServer server;
  HttpClient http;
  ChatClient client(http, options_for(server, ""));
  EXPECT_EQ(client.check_server(), "loopback-model");
  EXPECT_TRUE(ask(client, kPlain).ok);
  EXPECT_EQ(nlohmann::json::parse(server.last_body())["model"], "loopback-model");
}

TEST(ChatClient, WithoutAModelTheFirstIsAskedForOnce) {
  ChatServer server;
  HttpClient http;
  ChatClient client(http, options_for(server, ""));
  std::atomic<int> left{50}, wrong{0};
  std::promise<void> all;
  for (int i = 0; i < 50; ++i) {
    client.ask(kPlain, AnswerFormat::plain, [&](ChatReply&& reply) {
      if (!reply.ok) ++wrong;
      if (--left == 0) all.set_value();
    });
  }
  all.get_future().wait();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(nlohmann::json::parse(server.last_body())["model"], "loopback-model");
}

std::string check_failure(const std::string& base_url, std::string model = "") {
  HttpClient http;
  ChatOptions options;
  options.base_url = base_url;
  options.model = std::move(model);
  ChatClient client(http, options);
  try {
    return "passed: " + client.check_server();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::remote);
    return error.what();
  }
}

TEST(ChatClient, SaysWhatAnsweredInstead) {
  ChatServer server;
  EXPECT_THAT(check_failure(server.origin()), HasSubstr("the server's address is " + server.base_url()));
  ChatServer without_list({.has_models = false});
  EXPECT_THAT(check_failure(without_list.base_url()), HasSubstr("404 Not Found"));
  test::LoopbackReply reply;
  test::LoopbackServer other([&](const test::LoopbackRequest&) { return reply; });
  reply.content_type = "text/html";
  reply.body = "<html><head><title>Welcome to nginx!</title></head></html>";
  EXPECT_THAT(check_failure(other.origin()), HasSubstr("found text/html \"Welcome to nginx!\""));
  reply.content_type = "application/json";
  reply.body = "{\"data\": []}";
  EXPECT_THAT(check_failure(other.origin()), HasSubstr("an empty list"));
  reply.body = "[1, 2";
  EXPECT_THAT(check_failure(other.origin()), HasSubstr("expected a list of models"));
  reply.status = 404;
  reply.body = "{\"error\": \"no such path\"}";
  EXPECT_EQ(check_failure(other.origin(), "given"), "passed: given");
  EXPECT_THAT(check_failure("http://127.0.0.1:1/v1"), HasSubstr("127.0.0.1:1"));
}

TEST(ChatClient, ARedirectIsNotFollowedWithAQuestion) {
  test::LoopbackServer server([](const test::LoopbackRequest&) {
    test::LoopbackReply reply;
    reply.status = 301;
    reply.headers.emplace_back("Location", "https://example.invalid/v1/chat/completions");
    return reply;
  });
  HttpClient http;
  ChatOptions options;
  options.base_url = server.origin() + "/v1";
  options.model = "m";
  ChatClient client(http, options);
  const ChatReply reply = ask(client, kPlain);
  EXPECT_EQ(reply.retry, RetryClass::never);
  EXPECT_THAT(reply.error, HasSubstr("redirects to https://example.invalid"));
}

TEST(ChatClient, ReasoningReachesTheAnswerParser) {
  ChatServer server({.reasoning = "Drums and slow, so a ballad."});
  HttpClient http;
  ChatClient client(http, options_for(server));
  const ChatReply reply = ask(client, kPlain);
  EXPECT_THAT(reply.text, HasSubstr("<think>"));
  EXPECT_EQ(parse_plain_answer(reply.text)->caption, "A song with drums, slow.");
}

TEST(ChatCompletion, Shapes) {
  ChatReply reply = parse_chat_completion(
      200, R"({"choices":[{"message":{"content":[{"type":"text","text":"A "},{"type":"text","text":"song."}]},
           "finish_reason":"length"}],"usage":{"prompt_tokens":0,"completion_tokens":3}})");
  EXPECT_TRUE(reply.ok);
  EXPECT_EQ(reply.text, "A song.");
  EXPECT_EQ(reply.finish_reason, "length");
  EXPECT_FALSE(reply.usage.reported);  // a cached prompt counted as 0
  EXPECT_EQ(reply.usage.completion_tokens, 3);
  reply =
      parse_chat_completion(200, R"({"choices":[{"message":{"content":null,"reasoning_content":"hm"}}]})");
  EXPECT_TRUE(reply.ok);
  EXPECT_EQ(reply.text, "");
  reply = parse_chat_completion(200, R"({"choices":[{"message":{"content":null,"refusal":"I can't."}}]})");
  EXPECT_EQ(reply.text, "I can't.");
}

TEST(ChatCompletion, WhatIsNone) {
  const auto error = [](std::string_view body) {
    const ChatReply reply = parse_chat_completion(200, body);
    EXPECT_FALSE(reply.ok) << body;
    EXPECT_EQ(reply.retry, RetryClass::retry) << body;
    return reply.error;
  };
  EXPECT_THAT(error(""), HasSubstr("found nothing"));
  EXPECT_THAT(error("{\"choices\": [{\"mess"), HasSubstr("cut off"));
  EXPECT_THAT(error("{\"choices\": []}"), HasSubstr("without choices"));
  EXPECT_THAT(error("null"), HasSubstr("without choices"));
  EXPECT_THAT(error("<p>hello"), HasSubstr("web page"));
  EXPECT_THAT(error("pong\x1b[31m"), HasSubstr("\"pong [31m\""));
  EXPECT_EQ(parse_chat_completion(200, R"({"error":{"message":"no","code":401}})").retry, RetryClass::never);
  EXPECT_EQ(parse_chat_completion(429, R"({"error":{"message":"pay","code":"insufficient_quota"}})").retry,
            RetryClass::never);
}

TEST(ChatCompletion, ErrorsOfManyServers) {
  EXPECT_EQ(server_error_message(R"({"error":{"message":"a\nb","param":"seed"}})"), "a b (seed)");
  EXPECT_EQ(server_error_message(R"({"error":"model 'x' not found"})"), "model 'x' not found");
  EXPECT_EQ(server_error_message(R"({"message":"m"})"), "m");
  EXPECT_EQ(server_error_message(R"({"detail":"Not Found"})"), "Not Found");
  EXPECT_EQ(server_error_message(R"({"detail":[{"loc":["body","seed"],"msg":"bad"}]})"), "body.seed: bad");
  EXPECT_EQ(server_error_message("<html><TITLE>502 Bad\nGateway</title>"), "502 Bad Gateway");
  EXPECT_EQ(server_error_message(""), "");
  EXPECT_LE(server_error_message(std::string(100'000, 'x')).size(), 310U);
}

TEST(ChatCompletion, Durations) {
  EXPECT_DOUBLE_EQ(parse_duration_s("1s").value(), 1);
  EXPECT_DOUBLE_EQ(parse_duration_s("6m0s").value(), 360);
  EXPECT_DOUBLE_EQ(parse_duration_s("120ms").value(), 0.12);
  EXPECT_DOUBLE_EQ(parse_duration_s("1h2m3.5s").value(), 3723.5);
  EXPECT_DOUBLE_EQ(parse_duration_s("17").value(), 17);
  for (const char* const nonsense : {"", "s", "-1s", "1x", "nan", "1m2"})
    EXPECT_EQ(parse_duration_s(nonsense), std::nullopt) << nonsense;
}

}  // namespace
}  // namespace lpmc
