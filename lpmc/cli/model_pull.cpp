#include "lpmc/cli/model_pull.h"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <stop_token>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "lpmc/base/error.h"
#include "lpmc/base/log.h"
#include "lpmc/base/utf8.h"
#include "lpmc/cli/commands.h"
#include "lpmc/cli/interrupts.h"
#include "lpmc/cli/terminal.h"
#include "lpmc/hub/data_folder.h"
#include "lpmc/hub/pull_model.h"

namespace lpmc::cli {
namespace {

constexpr double kMegabyte = 1e6;

std::filesystem::path folder_of(const HubModel& model) {
  const std::filesystem::path data = user_data_folder();
  LPMC_REQUIRE(!data.empty(), not_found, "model pull: expected --output FOLDER, as HOME is not set");
  return model.kind == HubModel::Kind::language_model ? data / "llm" : data / "models" / model.name;
}

std::string size_text(const HubModel& model) {
  const std::optional<std::uint64_t> size = model.size();
  return size ? fmt::format("{:.0f} MB", static_cast<double>(*size) / kMegabyte) : "size as the server says";
}

int list_models_to_pull(const std::vector<HubModel>& models) {
  for (const HubModel& model : models)
    fmt::print("{}\t{}\t{}\t{}\n", model.name, size_text(model), model.license, model.summary);
  return kAllDone;
}

ProgressLine progress_line(std::uint64_t done, std::uint64_t total) {
  const nlohmann::json json = {{"bytes_done", done}, {"bytes_total", total}};
  return {fmt::format("{:.1f}/{:.1f} MB", static_cast<double>(done) / kMegabyte,
                      static_cast<double>(total) / kMegabyte),
          json.dump()};
}

}  // namespace

int pull_named_model(const PullFlags& flags, const CommonOptions& common) {
  const std::stop_token stop = watch_interrupts();  // before any thread is started
  apply_common_options(common);
  const auto list = find_data_file("models.json");
  LPMC_REQUIRE(list, not_found, "models.json: the list of models was not installed with this program");
  const std::vector<HubModel> models = read_model_list(*list);
  if (flags.name.empty()) return list_models_to_pull(models);
  const auto found = std::find_if(models.begin(), models.end(),
                                  [&](const HubModel& model) { return model.name == flags.name; });
  LPMC_REQUIRE(found != models.end(), not_found,
               "model '{}': not in the list of models; `lpmc model pull` without a name prints it",
               display_path(flags.name));
  PullOptions options;
  options.stop = stop;
  options.from = flags.from;
  options.folder = flags.output.empty() ? folder_of(*found) : std::filesystem::path(flags.output);
  if (!common.quiet)
    fmt::print(stderr, "lpmc: {}\nlpmc: licence: {} ({}), {} from {}\n", found->summary, found->license,
               found->license_url, size_text(*found),
               flags.from.empty() ? found->source : display_path(flags.from));
  Progress progress(common.progress, common.quiet);
  std::uint64_t bytes = 0;
  options.on_progress = [&](std::uint64_t done, std::uint64_t total) {
    bytes = total;
    progress.update([&] { return progress_line(done, total); });
  };
  HttpClientOptions http_options;
  http_options.user_agent = "lpmc";
  HttpClient http(http_options);
  const auto files = pull_model(http, *found, options);
  progress.finish(progress_line(bytes, bytes));
  for (const std::filesystem::path& file : files)
    fmt::print("{}\n", display_path(file));
  return kAllDone;
}

}  // namespace lpmc::cli
