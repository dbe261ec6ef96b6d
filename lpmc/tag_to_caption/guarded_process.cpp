#include "lpmc/tag_to_caption/guarded_process.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <new>

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"

namespace lpmc {
namespace {

constexpr int kLookEvery_ms = 100;
constexpr std::int64_t kGrace_ms = 2000;
constexpr int kOwnPipe = 3;  ///< the watchdog's descriptors: 0 to 2 are /dev/null
constexpr int kOutput = 4;

std::int64_t now_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

void default_signals() {
  for (const int signal : {SIGPIPE, SIGXFSZ, SIGINT, SIGTERM, SIGHUP, SIGCHLD})
    ::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (const std::string& text : texts)
    pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

struct GuardedProcess::Shared {
  static constexpr std::size_t kBytes = 16384;

  std::atomic<bool> ended{false};
  std::atomic<int> wait_status{0};
  std::atomic<int> exec_errno{0};
  std::atomic<std::uint64_t> written{0};  ///< bytes so far; the last kBytes are in `output`
  std::array<char, kBytes> output{};
};

struct GuardedProcess::Arguments {
  char* const* argv;
  char* const* environment;
};

/// What runs in the forked process. Other threads of the parent may have held any lock when it was forked, so
/// that only system calls are made: no memory is allocated, nothing is thrown.
class GuardedProcess::Watchdog {
 public:
  Watchdog(Shared& shared, const Arguments& arguments) : shared_(shared), arguments_(arguments) {}

  [[noreturn]] void run(int own_pipe, int output_read, int output_write) {
    ::setsid();
    default_signals();
    ::prctl(PR_SET_NAME, "lpmc-watchdog");
    take_descriptors(own_pipe, output_read, output_write);
    start();
    while (!reap()) {
      if (!look()) end_program();
    }
    // What it wrote last, also what its children still hold open.
    while (read_output()) {
    }
    shared_.ended.store(true, std::memory_order_release);
    ::_exit(0);
  }

 private:
  static constexpr int kOutputForProgram = 5;

  /// Everything but the three pipes is closed: descriptors of the parent (databases, pipes of other
  /// watchdogs) must not live on here.
  static void take_descriptors(int own_pipe, int output_read, int output_write) {
    // Out of the way first: the numbers may overlap.
    const int own = ::fcntl(own_pipe, F_DUPFD, 10);
    const int read = ::fcntl(output_read, F_DUPFD, 10);
    const int write = ::fcntl(output_write, F_DUPFD, 10);
    const int null = ::open("/dev/null", O_RDWR);
    for (const int standard : {0, 1, 2})
      ::dup2(null, standard);
    ::dup2(own, kOwnPipe);
    ::dup2(read, kOutput);
    ::dup2(write, kOutputForProgram);
    for (const int file : {kOwnPipe, kOutput, kOutputForProgram})
      ::fcntl(file, F_SETFD, FD_CLOEXEC);
    if (::close_range(kOutputForProgram + 1, ~0U, 0) != 0) {
      for (int file = kOutputForProgram + 1; file < 65536; ++file)
        ::close(file);
    }
    ::fcntl(kOutput, F_SETFL, O_NONBLOCK);
  }

  void start() {
    const pid_t watchdog = ::getpid();
    program_ = ::fork();
    if (program_ == 0) {
      ::setpgid(0, 0);
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (::getppid() != watchdog) ::_exit(127);
      ::dup2(kOutputForProgram, 1);
      ::dup2(kOutputForProgram, 2);
      ::execve(arguments_.argv[0], arguments_.argv, arguments_.environment);
      shared_.exec_errno.store(errno);
      ::_exit(127);
    }
    if (program_ < 0) {
      shared_.exec_errno.store(errno);
      shared_.ended.store(true, std::memory_order_release);
      ::_exit(0);
    }
    ::setpgid(program_, program_);
    ::close(kOutputForProgram);
  }

  /// @return false when the parent is gone
  bool look() {
    std::array<pollfd, 2> files{pollfd{kOwnPipe, POLLIN, 0}, pollfd{output_open_ ? kOutput : -1, POLLIN, 0}};
    ::poll(files.data(), files.size(), kLookEvery_ms);
    if (files[1].revents != 0) output_open_ = read_output();
    return files[0].revents == 0;
  }

  /// @return whether there may be more
  bool read_output() {
    std::array<char, 4096> buffer;
    const ssize_t count = ::read(kOutput, buffer.data(), buffer.size());
    if (count < 0) return errno == EINTR || (errno == EAGAIN && !reaped_);
    std::uint64_t at = shared_.written.load(std::memory_order_relaxed);
    for (ssize_t i = 0; i < count; ++i)
      shared_.output[at++ % Shared::kBytes] = buffer[static_cast<std::size_t>(i)];
    shared_.written.store(at, std::memory_order_release);
    return count > 0;
  }

  bool reap() {
    int status = 0;
    const pid_t ended = ::waitpid(program_, &status, WNOHANG);
    if (ended == 0 || (ended < 0 && errno == EINTR)) return false;
    shared_.wait_status.store(status);
    reaped_ = true;
    // What it started in its group goes with it.
    ::kill(-program_, SIGKILL);
    return true;
  }

  void end_program() {
    const std::int64_t now = now_ms();
    if (asked_ms_ == 0) {
      asked_ms_ = now;
      ::kill(-program_, SIGTERM);
    } else if (now - asked_ms_ > kGrace_ms) {
      ::kill(-program_, SIGKILL);
    }
    const timespec moment{0, 10'000'000};  // the broken pipe makes poll() return at once
    ::nanosleep(&moment, nullptr);
  }

  Shared& shared_;
  const Arguments& arguments_;
  pid_t program_ = -1;
  std::int64_t asked_ms_ = 0;
  bool reaped_ = false, output_open_ = true;
};

GuardedProcess::GuardedProcess(const std::vector<std::string>& arguments,
                               const std::vector<std::string>& environment) {
  const std::vector<char*> argv = pointers(arguments), envp = pointers(environment);
  const Arguments for_exec{argv.data(), envp.data()};
  void* memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) fail_errno("memory shared with a process", errno);
  shared_ = new (memory) Shared;
  std::array<int, 2> own{-1, -1}, output{-1, -1};
  int problem = ::pipe2(own.data(), O_CLOEXEC) == 0 && ::pipe2(output.data(), O_CLOEXEC) == 0 ? 0 : errno;
  if (problem == 0) {
    watchdog_ = ::fork();
    if (watchdog_ == 0) {
      ::close(own[1]);  // or it would wait for itself
      Watchdog(*shared_, for_exec).run(own[0], output[0], output[1]);
    }
    if (watchdog_ < 0) problem = errno;
  }
  for (const int file : {own[0], output[0], output[1]})
    if (file >= 0) ::close(file);
  if (problem != 0) {
    if (own[1] >= 0) ::close(own[1]);
    ::munmap(memory, sizeof(Shared));
    fail_errno(display_path(arguments.front()), problem);
  }
  pipe_ = own[1];
}

GuardedProcess::~GuardedProcess() {
  ::close(pipe_);
  while (::waitpid(watchdog_, nullptr, 0) < 0 && errno == EINTR) {
  }
  ::munmap(shared_, sizeof(Shared));
}

bool GuardedProcess::is_running() const {
  // A watchdog that was killed cannot say so; its program is ended by the kernel.
  siginfo_t info{};
  const int state = ::waitid(P_PID, static_cast<id_t>(watchdog_), &info, WEXITED | WNOHANG | WNOWAIT);
  return !shared_->ended.load(std::memory_order_acquire) && state == 0 && info.si_pid == 0;
}

std::string GuardedProcess::end() const {
  if (is_running()) return "";
  if (const int problem = shared_->exec_errno.load(); problem != 0)
    return fmt::format("cannot be run: {}", std::strerror(problem));
  if (!shared_->ended.load(std::memory_order_acquire)) return "its watchdog was killed";
  const int status = shared_->wait_status.load();
  if (WIFSIGNALED(status)) return fmt::format("signal {}", WTERMSIG(status));
  return fmt::format("exit status {}", WEXITSTATUS(status));
}

std::string GuardedProcess::output() const {
  const std::uint64_t written = shared_->written.load(std::memory_order_acquire);
  std::string text;
  for (std::uint64_t at = written - std::min<std::uint64_t>(written, Shared::kBytes); at < written; ++at)
    text += shared_->output[at % Shared::kBytes];
  return text;
}

}  // namespace lpmc
