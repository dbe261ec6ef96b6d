#include "lpmc/cli/common_options.h"

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "lpmc/base/threads.h"
#include "lpmc/cli/option_binder.h"
#include "lpmc/cli/terminal.h"

namespace lpmc::cli {

CLI::Validator one_of(std::vector<std::string> values) {
  const std::string list = fmt::format("{}", fmt::join(values, "|"));
  return CLI::Validator(
      [values = std::move(values), list](std::string& value) {
        const bool known = std::find(values.begin(), values.end(), value) != values.end();
        return known ? std::string() : fmt::format("expected {}, found '{}'", list, value);
      },
      list);
}

void add_common_options(CLI::App& app, CommonOptions& options) {
  const auto group = "Common";
  add_flag_or_option(app, "-q,--quiet", options.quiet, "errors only", "quiet")->group(group);
  // A function gets the count in every version of CLI11; a variable does not.
  app.add_flag_function(
         "-v,--verbose", [&options](std::int64_t count) { options.verbose = static_cast<int>(count); },
         "say more; -vv says most")
      ->envname(environment_name("verbose"))
      ->group(group);
  add_flag_or_option(app, "--threads", options.threads, "threads to compute with; 0 = one a core", "threads")
      ->check(CLI::Range(0, 1024))
      ->group(group);
  add_flag_or_option(app, "--log-format", options.log_format, "how messages on stderr look", "log-format")
      ->check(one_of({"text", "json"}))
      ->group(group);
  add_flag_or_option(app, "--progress", options.progress,
                     "progress on stderr: auto = a bar on a terminal; json = one object a line", "progress")
      ->check(one_of({"auto", "json", "none"}))
      ->group(group);
}

void apply_common_options(const CommonOptions& options) {
  const LogLevel level = options.quiet         ? LogLevel::error
                         : options.verbose > 1 ? LogLevel::debug
                         : options.verbose > 0 ? LogLevel::info
                                               : LogLevel::warning;
  install_log_sink(level, options.log_format == "json");
  set_num_threads(options.threads);
}

void add_examples(CLI::App& app, const std::string& examples) {
  app.footer("Examples:\n" + examples);
}

}  // namespace lpmc::cli
