// `lpmc train` is lpmc-train, which links LibTorch: everything after the name goes to it.

#include <cerrno>

#include <unistd.h>

#include "lpmc/base/error.h"
#include "lpmc/cli/commands.h"
#include "lpmc/cli/program.h"

namespace lpmc::cli {
namespace {

constexpr const char* kProgram = "lpmc-train";

int run_train(const std::vector<std::string>& arguments) {
  const std::string program = find_program(kProgram);
  LPMC_REQUIRE(
      !program.empty(), not_found,
      "{} is neither beside this program nor on PATH: training is a program of its own, because it needs "
      "LibTorch. Build it with: cmake -DLPMC_BUILD_TRAINING=ON (Debian's libtorch-dev, or a LibTorch named "
      "by CMAKE_PREFIX_PATH)",
      kProgram);
  std::vector<char*> argv = {const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments)
    argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  ::execv(program.c_str(), argv.data());
  fail_errno(program, errno);
}

}  // namespace

void add_train_command(CLI::App& app, RunFunction& run) {
  app.set_help_flag();  // lpmc-train has its own
  app.prefix_command();
  app.callback([&app, &run] { run = [&app] { return run_train(app.remaining()); }; });
}

}  // namespace lpmc::cli
