#include "lpmc/tag_to_caption/guarded_process.h"

#include <csignal>
#include <cstdlib>

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/fixtures.h"
#include "tests/support/processes.h"

namespace lpmc {
namespace {

using test::eventually;
using test::process_runs;
using testing::HasSubstr;

std::vector<std::string> shell(const std::string& script) {
  return {"/bin/sh", "-c", script};
}

int pid_in(const GuardedProcess& process) {
  EXPECT_TRUE(eventually([&] { return process.output().find('\n') != std::string::npos; }));
  return std::atoi(process.output().c_str());
}

TEST(GuardedProcess, KeepsWhatWasWrittenAndHowItEnded) {
  const GuardedProcess process(shell("echo out; echo \"$NAME\" >&2; exit 3"), {"NAME=value"});
  ASSERT_TRUE(eventually([&] { return !process.is_running(); }));
  EXPECT_EQ(process.output(), "out\nvalue\n");
  EXPECT_EQ(process.end(), "exit status 3");
}

TEST(GuardedProcess, SaysThatAProgramCannotBeRun) {
  const GuardedProcess process({"/no/such/program"}, {});
  ASSERT_TRUE(eventually([&] { return !process.is_running(); }));
  EXPECT_THAT(process.end(), HasSubstr("No such file"));
}

TEST(GuardedProcess, EndsWithTheObject) {
  int pid = 0;
  {
    const GuardedProcess process(shell("echo $$; exec sleep 1000"), {"PATH=/usr/bin:/bin"});
    pid = pid_in(process);
    EXPECT_TRUE(process_runs(pid));
    EXPECT_TRUE(process.is_running());
  }
  EXPECT_FALSE(process_runs(pid));
}

TEST(GuardedProcess, TakesItsChildrenAlongAndDoesNotAskForEver) {
  int child = 0;
  {
    const GuardedProcess process(shell("trap '' TERM; sleep 1000 & echo $!; while :; do sleep 1; done"),
                                 {"PATH=/usr/bin:/bin"});
    child = pid_in(process);
    EXPECT_TRUE(process_runs(child));
  }
  EXPECT_TRUE(eventually([&] { return !process_runs(child); }));
}

TEST(GuardedProcess, KeepsTheEndOfLongOutput) {
  const GuardedProcess process(shell("i=0; while [ $i -lt 9000 ]; do echo line $i; i=$((i+1)); done"),
                               {"PATH=/usr/bin:/bin"});
  ASSERT_TRUE(eventually([&] { return !process.is_running(); }));
  EXPECT_EQ(process.output().size(), 16384U);
  EXPECT_THAT(process.output(), testing::EndsWith("line 8998\nline 8999\n"));
}

/// A process of its own that has a guarded one, and says the latter's pid.
struct Owner {
  pid_t pid = -1;
  int guarded = 0;

  Owner() {
    int ends[2];
    if (::pipe(ends) != 0) return;
    pid = ::fork();
    if (pid == 0) {
      const GuardedProcess process(shell("echo $$; exec sleep 1000"), {"PATH=/usr/bin:/bin"});
      const int found = pid_in(process);
      if (::write(ends[1], &found, sizeof found) != sizeof found) ::_exit(1);
      ::pause();
      ::_exit(0);
    }
    ::close(ends[1]);
    EXPECT_EQ(::read(ends[0], &guarded, sizeof guarded), static_cast<ssize_t>(sizeof guarded));
    ::close(ends[0]);
  }
  ~Owner() {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
};

TEST(GuardedProcess, EndsWhenItsOwnerIsKilled) {
  const Owner owner;
  ASSERT_TRUE(process_runs(owner.guarded));
  ::kill(owner.pid, SIGKILL);
  EXPECT_TRUE(eventually([&] { return !process_runs(owner.guarded); }));
}

TEST(GuardedProcess, EndsWhenItsWatchdogIsKilled) {
  const GuardedProcess process(shell("echo $PPID; exec sleep 1000"), {"PATH=/usr/bin:/bin"});
  const int watchdog = pid_in(process);
  ::kill(watchdog, SIGKILL);
  ASSERT_TRUE(eventually([&] { return !process.is_running(); }));
  EXPECT_EQ(process.end(), "its watchdog was killed");
}

TEST(GuardedProcess, HoldsNoFilesOfItsOwner) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const GuardedProcess process(shell("echo $$; exec sleep 1000"), {"PATH=/usr/bin:/bin"});
  pid_in(process);
  ::close(ends[1]);
  char byte = 0;
  EXPECT_EQ(::read(ends[0], &byte, 1), 0) << "somebody else holds the pipe's other end";
  ::close(ends[0]);
}

}  // namespace
}  // namespace lpmc
