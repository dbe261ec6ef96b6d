#pragma once

#include <cmath>
#include <span>
#include <string>

#include <gmock/gmock.h>

#include "lpmc/base/error.h"

namespace lpmc::test {

/// Matches an lpmc::Error of a kind whose message contains a text:
///   EXPECT_THAT([&] { open(path); }, ThrowsLpmc(ErrorKind::not_found, "no such"));
inline auto ThrowsLpmc(ErrorKind kind, const std::string& part) {
  return ::testing::Throws<Error>(
      ::testing::AllOf(::testing::Property("kind", &Error::kind, kind),
                       ::testing::Property("what", &Error::what, ::testing::HasSubstr(part))));
}

/// Largest absolute difference; infinity when the sizes differ or a value is NaN.
inline double max_abs_difference(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size()) return HUGE_VAL;
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    if (!(difference <= worst)) worst = std::isnan(difference) ? HUGE_VAL : difference;
  }
  return worst;
}

}  // namespace lpmc::test
