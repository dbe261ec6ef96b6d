#include <gtest/gtest.h>

#include "lpmc/http/http_client.h"

namespace lpmc {
namespace {

HttpResponse with_status(int status) {
  HttpResponse response;
  response.status = status;
  return response;
}

HttpResponse with_header(std::string name, std::string value) {
  HttpResponse response = with_status(429);
  response.headers.emplace_back(std::move(name), std::move(value));
  return response;
}

TEST(Retry, Classes) {
  for (const int status : {200, 201, 204})
    EXPECT_EQ(classify(with_status(status)), RetryClass::done) << status;
  for (const int status : {408, 409, 425, 429, 500, 502, 503, 504, 529})
    EXPECT_EQ(classify(with_status(status)), RetryClass::retry) << status;
  for (const int status : {301, 307, 400, 401, 402, 403, 404, 405, 413, 422})
    EXPECT_EQ(classify(with_status(status)), RetryClass::never) << status;
}

TEST(Retry, FailuresWithoutAnAnswer) {
  const auto class_of = [](HttpFailure failure, int status = 0) {
    HttpResponse response = with_status(status);
    response.failure = failure;
    return classify(response);
  };
  for (const auto failure :
       {HttpFailure::broken, HttpFailure::timeout, HttpFailure::connect, HttpFailure::resolve})
    EXPECT_EQ(class_of(failure), RetryClass::retry);
  for (const auto failure :
       {HttpFailure::tls, HttpFailure::bad_url, HttpFailure::too_large, HttpFailure::cancelled})
    EXPECT_EQ(class_of(failure), RetryClass::never);
  EXPECT_EQ(class_of(HttpFailure::broken, 200), RetryClass::retry);
  EXPECT_EQ(class_of(HttpFailure::broken, 503), RetryClass::retry);
  EXPECT_EQ(class_of(HttpFailure::broken, 401), RetryClass::never);
}

TEST(Retry, RetryAfter) {
  const double now = 1700000000;  // Tue, 14 Nov 2023 22:13:20 GMT
  EXPECT_EQ(retry_after_s(with_header("retry-after", "20"), now), 20);
  EXPECT_EQ(retry_after_s(with_header("retry-after", "1.5"), now), 1.5);
  EXPECT_EQ(retry_after_s(with_header("retry-after", "0"), now), 0);
  EXPECT_EQ(retry_after_s(with_header("retry-after-ms", "250"), now), 0.25);
  EXPECT_EQ(retry_after_s(with_header("retry-after", "Tue, 14 Nov 2023 22:14:00 GMT"), now), 40);
  EXPECT_EQ(retry_after_s(with_header("retry-after", "Tue, 14 Nov 2023 22:00:00 GMT"), now), 0);
  for (const char* const nonsense : {"", "-1", "soon", "nan", "inf", "1e300", "999999999", "10 20", "Tue"})
    EXPECT_EQ(retry_after_s(with_header("retry-after", nonsense), now), std::nullopt) << nonsense;
  EXPECT_EQ(retry_after_s(with_status(429), now), std::nullopt);
}

TEST(Retry, BackoffGrowsAndKeepsItsBounds) {
  const Backoff backoff{.base_s = 0.5, .cap_s = 60};
  EXPECT_EQ(backoff.wait_s(0, 0, 0), 0);
  EXPECT_DOUBLE_EQ(backoff.wait_s(0, 0, 0.5), 0.25);
  EXPECT_DOUBLE_EQ(backoff.wait_s(3, 0, 0.5), 2);
  EXPECT_DOUBLE_EQ(backoff.wait_s(1000000, 0, 0.5), 30);
  EXPECT_DOUBLE_EQ(backoff.wait_s(-5, 0, 0.5), 0.25);
  EXPECT_DOUBLE_EQ(backoff.wait_s(2, 20, 0.1), 20);  // what the server asked for
  EXPECT_DOUBLE_EQ(backoff.wait_s(2, 90, 0.9), 90);  // also over the cap
}

}  // namespace
}  // namespace lpmc
