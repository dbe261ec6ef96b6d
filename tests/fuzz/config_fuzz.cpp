// The configuration of a model: bytes to JSON to ModelConfig and back, and to RobertaConfig.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "lpmc/base/error.h"
#include "lpmc/model/model_dir.h"
#include "lpmc/model/roberta.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(static_cast<const char*>(static_cast<const void*>(data)), size);
  try {
    const lpmc::ModelConfig config = lpmc::model_config_from_json(lpmc::parse_json(text, "fuzz"), "fuzz");
    // What is accepted must be safe to size a network with, and survive being written.
    if (lpmc::count_parameters(config) <= 0 || config.n_ctx() <= 0) std::abort();
    if (!(lpmc::model_config_from_json(lpmc::model_config_to_json(config, "float32"), "again") == config))
      std::abort();
  } catch (const lpmc::Error&) {
  }
  try {
    const lpmc::RobertaConfig config = lpmc::roberta_config_from_json(lpmc::parse_json(text, "fuzz"), "fuzz");
    if (config.max_tokens() < 2 || config.hidden_size % config.num_attention_heads != 0) std::abort();
  } catch (const lpmc::Error&) {
  }
  return 0;
}
