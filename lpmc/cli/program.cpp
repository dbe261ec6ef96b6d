#include "lpmc/cli/program.h"

#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <new>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lpmc/base/error.h"
#include "lpmc/base/log.h"
#include "lpmc/cli/commands.h"
#include "lpmc/cli/terminal.h"

namespace lpmc::cli {
namespace {

namespace fs = std::filesystem;

/// A failure that ends the whole run. What stops a single file is reported where it happens.
int exit_code_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid_argument:
      return kWrongUsage;
    case ErrorKind::cancelled:
      return kInterrupted;
    case ErrorKind::not_found:
    case ErrorKind::corrupt:
    case ErrorKind::unsupported:
    case ErrorKind::io:
    case ErrorKind::remote:
      return kMissing;
  }
  return kMissing;
}

bool is_program(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored) && ::access(path.c_str(), X_OK) == 0;
}

/// What posix_spawn is told, freed with the object.
struct SpawnSettings {
  posix_spawn_file_actions_t files{};
  posix_spawnattr_t attributes{};

  explicit SpawnSettings(const std::string& output) {
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC,
                                     0644);
    posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  }
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
};

}  // namespace

int run_program(const std::function<int()>& run) {
  std::setlocale(LC_CTYPE, "");
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is a write error with a message, not a silent death
  std::signal(SIGXFSZ, SIG_IGN);
  install_log_sink(LogLevel::warning, false);
  try {
    const int code = run();
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
      log(LogLevel::error, "stdout: could not write the results");
      return kMissing;
    }
    return code;
  } catch (const Error& error) {
    log(LogLevel::error, "{}", error.what());
    return exit_code_of(error.kind());
  } catch (const std::bad_alloc&) {
    log(LogLevel::error, "out of memory");
    return kMissing;
  } catch (const std::exception& error) {
    log(LogLevel::error, "{}", error.what());
    return kMissing;
  }
}

std::string find_program(const std::string& name) {
  std::error_code ignored;
  const fs::path own = fs::read_symlink("/proc/self/exe", ignored);
  if (!own.empty() && is_program(own.parent_path() / name)) return own.parent_path() / name;
  const char* path = std::getenv("PATH");
  for (std::string rest = path == nullptr ? "" : path; !rest.empty();) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    const fs::path candidate = fs::path(rest.substr(0, end)) / name;
    if (end > 0 && is_program(candidate)) return candidate;
    rest.erase(0, end + 1);
  }
  return "";
}

int run_quietly(const std::vector<std::string>& arguments, const std::string& output) {
  const SpawnSettings settings(output);
  std::vector<char*> argv;
  for (const std::string& argument : arguments)
    argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_t child = 0;
  const int failure =
      ::posix_spawn(&child, argv[0], &settings.files, &settings.attributes, argv.data(), environ);
  if (failure != 0) fail_errno(arguments.front(), failure);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) fail_errno(arguments.front(), errno);
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace lpmc::cli
