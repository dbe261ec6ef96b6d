#pragma once

#include <memory>
#include <string>
#include <vector>

namespace lpmc {

/// A program that never outlives this process. Between the two stands a watchdog, a process forked from this
/// one that does nothing but wait: it ends the program (and all of its process group) when its pipe to us
/// breaks, which happens whatever way we end, and the kernel ends the program when the watchdog itself is
/// killed. PR_SET_PDEATHSIG alone would not do: it follows the thread that forked, not the process. Both are
/// in a session of their own, so that signals of the terminal do not reach them.
class GuardedProcess {
 public:
  /// Starts it with standard input empty; what it writes to standard output and error is kept (its end).
  /// @param environment "NAME=value"
  /// @throws Error(io) when no process can be made
  GuardedProcess(const std::vector<std::string>& arguments, const std::vector<std::string>& environment);
  /// Ends it: SIGTERM, and SIGKILL two seconds later.
  ~GuardedProcess();
  GuardedProcess(const GuardedProcess&) = delete;
  GuardedProcess& operator=(const GuardedProcess&) = delete;

  bool is_running() const;
  /// "exit status 1", "signal 9", "cannot be run: Permission denied"; "" while it runs.
  std::string end() const;
  /// The end of what it wrote, at most 16 KiB.
  std::string output() const;

 private:
  struct Shared;
  struct Arguments;
  class Watchdog;

  Shared* shared_ = nullptr;  ///< memory that watchdog and we both see
  int pipe_ = -1;             ///< its end tells the watchdog that we are gone
  int watchdog_ = -1;
};

}  // namespace lpmc
