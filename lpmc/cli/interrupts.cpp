#include "lpmc/cli/interrupts.h"

#include <csignal>
#include <thread>
#include <utility>
#include <vector>

#include <pthread.h>
#include <unistd.h>

#include "lpmc/cli/commands.h"

namespace lpmc::cli {

namespace {

/// Starts the thread that takes the signals: one request for each, then the end.
void watch(std::vector<std::stop_source> requests) {
  // A thread that waits for the signals may do what a handler must not: request_stop runs callbacks.
  // Threads started later inherit the mask, so only this one takes them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread([signals, requests = std::move(requests)]() mutable {
    int signal = 0;
    for (std::stop_source& request : requests) {
      sigwait(&signals, &signal);
      request.request_stop();
    }
    sigwait(&signals, &signal);
    ::_exit(kInterrupted);
  }).detach();
}

}  // namespace

std::stop_token watch_interrupts() {
  static const std::stop_token token = [] {
    const std::stop_source source;
    watch({source});
    return source.get_token();
  }();
  return token;
}

TwoInterrupts watch_two_interrupts() {
  static const TwoInterrupts tokens = [] {
    const std::stop_source first, second;
    watch({first, second});
    return TwoInterrupts{first.get_token(), second.get_token()};
  }();
  return tokens;
}

}  // namespace lpmc::cli
