#include "lpmc/captioning/tokenizer.h"

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"

namespace lpmc {

std::optional<BpeTokenizer> open_tokenizer(const ModelFiles& files, const ModelConfig& config) {
  if (!files.vocab && !files.merges) return std::nullopt;
  const auto require_both = [&](const auto& present, const auto& absent, const char* name) {
    LPMC_REQUIRE(absent, not_found, "{}: expected {} beside it, found none", display_path(*present), name);
  };
  if (files.vocab) require_both(files.vocab, files.merges, "merges.txt");
  if (files.merges) require_both(files.merges, files.vocab, "vocab.json");
  BpeTokenizer tokenizer = BpeTokenizer::from_files(*files.vocab, *files.merges);
  const std::string where = display_path(*files.vocab);
  LPMC_REQUIRE(tokenizer.vocab_size() == static_cast<std::size_t>(config.vocab_size), corrupt,
               "{}: expected the model's {} tokens, found {}; these are another model's files", where,
               config.vocab_size, tokenizer.vocab_size());
  for (const auto& [id, token] :
       {std::pair{config.bos_token_id, "<s>"}, std::pair{config.pad_token_id, "<pad>"},
        std::pair{config.eos_token_id, "</s>"}}) {
    LPMC_REQUIRE(tokenizer.token(id) == token, corrupt, "{}: id {}: expected {}, found {}", where, id, token,
                 replace_invalid_utf8(tokenizer.token(id)));
  }
  return tokenizer;
}

}  // namespace lpmc
