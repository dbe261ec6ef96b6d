// The loopback chat server as a program, for scripts/check_kill.sh: its address on a line, then it serves
// until stdin ends, and its counts.

#include <cstdio>
#include <iostream>
#include <string>

#include <fmt/format.h>

#include "tests/support/chat_server.h"

int main() {
  lpmc::test::ChatServerOptions options;
  options.latency_s = 0.005;
  const lpmc::test::ChatServer server(options);
  fmt::print("{}\n", server.base_url());
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
  }
  const auto counts = server.counts();
  fmt::print("requests {}, queries {}, answered more than once {}\n", counts.requests,
             counts.distinct_queries, counts.answered_more_than_once);
  return 0;
}
