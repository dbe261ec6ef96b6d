#include "lpmc/cli/commands.h"
#include "lpmc/cli/program.h"
#include "lpmc/cli/version.h"

namespace lpmc::cli {
namespace {

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
  return lpmc::cli::run_program([&] { return lpmc::cli::run(argc, argv); });
}
