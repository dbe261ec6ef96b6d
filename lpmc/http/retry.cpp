#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>

#include <curl/curl.h>

#include "lpmc/http/http_client.h"

namespace lpmc {
namespace {

constexpr double kLongestWait_s = 7 * 86400.0;  // a server that asks for more has its units wrong

std::optional<double> read_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<double> sensible(double seconds) {
  if (!(seconds >= 0) || seconds > kLongestWait_s) return std::nullopt;
  return seconds;
}

RetryClass classify_status(int status) {
  if (status >= 200 && status < 300) return RetryClass::done;
  if (status == 408 || status == 409 || status == 425 || status == 429 || (status >= 500 && status < 600))
    return RetryClass::retry;
  return RetryClass::never;
}

}  // namespace

RetryClass classify(const HttpResponse& response) {
  switch (response.failure) {
    case HttpFailure::none:
      return classify_status(response.status);
    case HttpFailure::bad_url:
    case HttpFailure::tls:
    case HttpFailure::too_large:
    case HttpFailure::cancelled:
      return RetryClass::never;
    case HttpFailure::resolve:
    case HttpFailure::connect:
    case HttpFailure::timeout:
    case HttpFailure::broken:
      break;
  }
  // A refusal whose text was cut off is still a refusal.
  if (response.status >= 400) return classify_status(response.status);
  return RetryClass::retry;
}

std::optional<double> retry_after_s(const HttpResponse& response, double now_unix_s) {
  if (const auto milliseconds = response.header("retry-after-ms")) {
    if (const auto value = read_number(*milliseconds)) return sensible(*value / 1000);
  }
  const auto text = response.header("retry-after");
  if (!text) return std::nullopt;
  if (const auto value = read_number(*text)) return sensible(*value);
  // curl_getdate also takes fragments for dates; a whole one names its month and has a time of day.
  if (text->size() > 64 || text->find(':') == std::string_view::npos) return std::nullopt;
  const std::time_t date = curl_getdate(std::string(*text).c_str(), nullptr);
  if (date < 0) return std::nullopt;
  return sensible(std::max(0.0, static_cast<double>(date) - now_unix_s));
}

double Backoff::wait_s(int attempt, double floor_s, double random) const {
  const double ceiling = std::min(cap_s, std::ldexp(base_s, std::clamp(attempt, 0, 60)));
  return std::max(ceiling * random, floor_s);
}

}  // namespace lpmc
