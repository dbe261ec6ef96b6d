#include "lpmc/cli/commands.h"

#include <array>

namespace lpmc::cli {

std::span<const Command> commands() {
  static constexpr std::array kCommands = {
    Command{"caption", "audio to captions", add_caption_command},
#if defined(LPMC_HAS_LLM)
    Command{"tag-to-caption", "tags to captions by a language model, one line or millions",
            add_tag_to_caption_command},
#endif
    Command{"prepare", "data sets and folders of audio to training manifests and a 16 kHz cache",
            add_prepare_command},
    Command{"train", "learn a model: supervised, pretrain, transfer (lpmc-train)", add_train_command},
    Command{"infer", "captions for the clips of a manifest: inference.json", add_infer_command},
    Command{"evaluate", "metrics of captions against references", add_evaluate_command},
#if defined(LPMC_HAS_SERVER)
    Command{"serve", "web page and HTTP API", add_serve_command},
#endif
    Command{"model", "list, look at, check, convert and make models", add_model_command},
    Command{"bench", "how fast every stage is on this machine, and how fast it could be", add_bench_command},
    Command{"completion", "print shell completion for bash, zsh or fish", add_completion_command},
  };
  return kCommands;
}

}  // namespace lpmc::cli
