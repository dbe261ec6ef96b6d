#pragma once

// Private to the benchmark.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <utility>
#include <vector>

#include "lpmc/base/threads.h"

namespace lpmc::detail {

using BenchmarkClock = std::chrono::steady_clock;

inline double seconds_since(BenchmarkClock::time_point start) {
  return std::chrono::duration<double>(BenchmarkClock::now() - start).count();
}

/// How long to go on measuring.
struct Patience {
  double seconds = 1;
  int least = 2;  ///< repeats, however long they take
};

struct Timing {
  double best_s = 0;
  double median_s = 0;
  int repeats = 0;
};

/// Calls run_s(), which gives the seconds that count of a repeat, once to warm up (but in no hurry: not
/// where one repeat is all that is asked for) and then until patience is at its end.
template <class Run>
Timing repeat(const Patience& patience, Run&& run_s) {
  if (patience.least > 1) run_s();
  std::vector<double> all_s;
  const auto begin = BenchmarkClock::now();
  do {
    all_s.push_back(run_s());
  } while (static_cast<int>(all_s.size()) < patience.least || seconds_since(begin) < patience.seconds);
  std::sort(all_s.begin(), all_s.end());
  return {all_s.front(), all_s[all_s.size() / 2], static_cast<int>(all_s.size())};
}

/// Seconds that body() takes.
template <class Body>
double time_s(Body&& body) {
  const auto start = BenchmarkClock::now();
  body();
  return seconds_since(start);
}

/// Runs body() so that every parallel_for in it stays on its thread.
template <class Body>
void on_one_thread(Body&& body) {
  parallel_for(2, [&](std::int64_t index) {
    if (index == 0) body();
  });
}

}  // namespace lpmc::detail
