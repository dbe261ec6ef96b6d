#include "lpmc/cli/interrupts.h"

#include <csignal>
#include <thread>

#include <pthread.h>
#include <unistd.h>

#include "lpmc/cli/commands.h"

namespace lpmc::cli {

std::stop_token watch_interrupts() {
  static std::stop_source source;
  static bool watching = false;
  if (watching) return source.get_token();
  watching = true;
  // A thread that waits for the signals may do what a handler must not: request_stop runs callbacks.
  // Threads started later inherit the mask, so only this one takes them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread([signals] {
    int signal = 0;
    sigwait(&signals, &signal);
    source.request_stop();
    sigwait(&signals, &signal);
    ::_exit(kInterrupted);
  }).detach();
  return source.get_token();
}

}  // namespace lpmc::cli
