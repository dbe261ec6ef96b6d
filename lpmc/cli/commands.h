#pragma once

#include <functional>
#include <span>

#include <CLI/CLI.hpp>

namespace lpmc::cli {

/// Ends of the program, as INTERFACE promises them to scripts.
enum ExitCode : int {
  kAllDone = 0,
  kSomeFailed = 1,  ///< some inputs failed, the rest are done
  kWrongUsage = 2,  ///< flags that make no sense
  kMissing = 3,     ///< a model or file the whole run needs is missing or broken
  kInterrupted = 130,
};

/// Runs a command whose flags have been parsed; returns the exit code. Throws lpmc::Error.
using RunFunction = std::function<int()>;

/// A command of the program: adds its flags to `app` and gives back what to run. `run` is set by the
/// command itself, or by the sub-command the user chose.
struct Command {
  const char* name;
  const char* summary;
  void (*add)(CLI::App& app, RunFunction& run);
};

/// All commands, in the order --help lists them.
std::span<const Command> commands();

void add_caption_command(CLI::App& app, RunFunction& run);
void add_prepare_command(CLI::App& app, RunFunction& run);
void add_infer_command(CLI::App& app, RunFunction& run);
void add_tag_to_caption_command(CLI::App& app, RunFunction& run);  ///< where LPMC_HAS_LLM is defined
void add_evaluate_command(CLI::App& app, RunFunction& run);
void add_serve_command(CLI::App& app, RunFunction& run);  ///< where LPMC_HAS_SERVER is defined
void add_model_command(CLI::App& app, RunFunction& run);
void add_train_command(CLI::App& app, RunFunction& run);
void add_bench_command(CLI::App& app, RunFunction& run);
void add_completion_command(CLI::App& app, RunFunction& run);

}  // namespace lpmc::cli
