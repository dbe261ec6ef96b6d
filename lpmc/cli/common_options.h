#pragma once

#include <memory>
#include <string>

#include <CLI/CLI.hpp>

namespace lpmc::cli {

/// Flags every command has.
struct CommonOptions {
  bool quiet = false;
  int verbose = 0;
  int threads = 0;
  std::string log_format = "text";
  std::string progress = "auto";
};

/// Adds them to a command.
void add_common_options(CLI::App& app, CommonOptions& options);

/// Installs the log sink and sets the number of threads. To be called first when a command runs.
void apply_common_options(const CommonOptions& options);

/// CLI11's check for a value out of a list, with a message that names the list.
CLI::Validator one_of(std::vector<std::string> values);

/// An "examples" paragraph at the end of a command's --help.
void add_examples(CLI::App& app, const std::string& examples);

}  // namespace lpmc::cli
