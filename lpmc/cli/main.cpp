#include <clocale>
#include <csignal>
#include <cstdio>
#include <exception>
#include <new>

#include <fmt/format.h>

#include "lpmc/base/error.h"
#include "lpmc/base/log.h"
#include "lpmc/cli/commands.h"
#include "lpmc/cli/terminal.h"
#include "lpmc/cli/version.h"

namespace lpmc::cli {
namespace {

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

int run(int argc, char** argv) {
  CLI::App app("lpmc describes music in words.", "lpmc");
  app.set_version_flag("--version", version_text);
  app.require_subcommand(1);
  app.footer(
      "`lpmc COMMAND --help` tells more of each. Results go to stdout, everything else to stderr.\n"
      "Exit codes: 0 all done, 1 some inputs failed, 2 wrong usage, 3 something the whole run needs is\n"
      "missing or broken, 130 interrupted.");
  RunFunction chosen;
  for (const Command& command : commands()) {
    CLI::App& added = *app.add_subcommand(command.name, command.summary);
    // CLI11 reads and checks the environment variables of commands that were not chosen, unless their
    // callback is an immediate one: LPMC_FORMAT=srt, meant for one command, would be a wrong value for
    // another.
    added.immediate_callback();
    command.add(added, chosen);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kAllDone : kWrongUsage;
  }
  return chosen ? chosen() : kWrongUsage;
}

}  // namespace
}  // namespace lpmc::cli

int main(int argc, char** argv) {
  using namespace lpmc;
  using namespace lpmc::cli;
  std::setlocale(LC_CTYPE, "");
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is a write error with a message, not a silent death
  std::signal(SIGXFSZ, SIG_IGN);
  install_log_sink(LogLevel::warning, false);
  try {
    const int code = run(argc, argv);
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
