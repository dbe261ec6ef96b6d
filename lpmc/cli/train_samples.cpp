#include "lpmc/cli/train_samples.h"

#include <nlohmann/json.hpp>

#include "lpmc/base/error.h"
#include "lpmc/base/log.h"
#include "lpmc/base/utf8.h"
#include "lpmc/cli/program.h"
#include "lpmc/model/model_dir.h"

namespace lpmc::cli {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> captions_of(const fs::path& inference) {
  const nlohmann::json clips = read_json_file(inference);
  std::vector<std::string> captions;
  for (std::size_t i = 0; i < clips.size(); ++i)
    captions.push_back(clips.at(std::to_string(i)).at("predictions").get<std::string>());
  return captions;
}

}  // namespace

CaptionClips caption_with_lpmc(int threads) {
  const std::string program = find_program("lpmc");
  if (program.empty()) {
    log(LogLevel::warning, "lpmc is neither beside this program nor on PATH: no sample captions");
    return {};
  }
  return [program, threads](const fs::path& model, const fs::path& manifest) {
    const fs::path folder = manifest.parent_path();
    const fs::path output = folder / "inference.json", messages = folder / "infer.log";
    std::error_code ignored;
    fs::remove(output, ignored);
    fs::remove(folder / "inference.json.partial.jsonl", ignored);
    const int code = run_quietly({program, "infer", "-m", model.string(), "--manifest", manifest.string(),
                                  "-o", output.string(), "--threads", std::to_string(threads)},
                                 messages.string());
    LPMC_REQUIRE(code == 0, io, "lpmc infer: expected exit code 0, found {}; {} says why", code,
                 display_path(messages));
    return captions_of(output);
  };
}

}  // namespace lpmc::cli
