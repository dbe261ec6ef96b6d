#include "tests/support/program.h"

#include <array>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lpmc/base/error.h"

namespace lpmc::test {
namespace {

struct Pipe {
  std::array<int, 2> ends{-1, -1};
  Pipe() {
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail(ErrorKind::io, "pipe2 failed");
  }
  ~Pipe() {
    close_end(0);
    close_end(1);
  }
  void close_end(std::size_t end) {
    if (ends[end] >= 0) ::close(ends[end]);
    ends[end] = -1;
  }
};

[[noreturn]] void run_child(const std::vector<std::string>& argv, const ProgramInput& input, const Pipe& in,
                            const Pipe& out, const Pipe& err) {
  ::dup2(in.ends[0], STDIN_FILENO);
  ::dup2(out.ends[1], STDOUT_FILENO);
  ::dup2(err.ends[1], STDERR_FILENO);
  for (const auto& [name, value] : input.environment)
    ::setenv(name.c_str(), value.c_str(), 1);
  std::vector<char*> arguments;
  for (const std::string& argument : argv)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  ::execvp(arguments[0], arguments.data());
  ::_exit(127);
}

/// Reads what is there; false at the end.
bool read_some(int file, std::string& text) {
  std::array<char, 65536> buffer;
  const ssize_t count = ::read(file, buffer.data(), buffer.size());
  if (count > 0) text.append(buffer.data(), static_cast<std::size_t>(count));
  return count > 0;
}

void collect(Pipe& out, Pipe& err, ProgramResult& result) {
  while (out.ends[0] >= 0 || err.ends[0] >= 0) {
    std::array<pollfd, 2> files{pollfd{out.ends[0], POLLIN, 0}, pollfd{err.ends[0], POLLIN, 0}};
    ::poll(files.data(), files.size(), -1);
    if (files[0].revents != 0 && !read_some(out.ends[0], result.out)) out.close_end(0);
    if (files[1].revents != 0 && !read_some(err.ends[0], result.err)) err.close_end(0);
  }
}

}  // namespace

ProgramResult run_program(const std::vector<std::string>& argv, const ProgramInput& input) {
  Pipe in, out, err;
  const pid_t child = ::fork();
  if (child == 0) run_child(argv, input, in, out, err);
  in.close_end(0);
  out.close_end(1);
  err.close_end(1);
  // What is small enough for the pipe's buffer needs no second thread.
  LPMC_REQUIRE(input.standard_input.size() <= 65536, invalid_argument, "standard input: too long for a test");
  if (::write(in.ends[1], input.standard_input.data(), input.standard_input.size()) < 0) std::perror("write");
  in.close_end(1);
  if (input.while_running) input.while_running(child);
  ProgramResult result;
  collect(out, err, result);
  int status = 0;
  rusage usage{};
  ::wait4(child, &status, 0, &usage);
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  result.peak_rss_kb = usage.ru_maxrss;
  return result;
}

std::string system_python() {
  const char* const debian = "/usr/bin/python3";
  return ::access(debian, X_OK) == 0 ? debian : "python3";
}

bool program_exists(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (::access((folder + "/" + name).c_str(), X_OK) == 0) return true;
  }
  return false;
}

}  // namespace lpmc::test
