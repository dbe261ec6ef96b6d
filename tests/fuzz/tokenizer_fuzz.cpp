// Vocabulary, merges and text to encode, one after another with a 0xFF byte between (which none of
// them can hold). A vocabulary that begins with "+" stands for a good one, so that merges and text
// are reached: the bytes and special tokens, and after the "+" further tokens, one a line.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/text/bpe_tokenizer.h"
#include "lpmc/text/byte_alphabet.h"

namespace {

std::string_view take_part(std::string_view& input) {
  const std::size_t end = input.find('\xFF');
  const std::string_view part = input.substr(0, end);
  input.remove_prefix(end == std::string_view::npos ? input.size() : end + 1);
  return part;
}

std::string good_vocabulary(std::string_view lines) {
  nlohmann::json json = nlohmann::json::object();
  const auto add = [&](std::string_view token) {
    if (!json.contains(token)) json.emplace(std::string(token), json.size());
  };
  for (const std::string_view token : lpmc::kSpecialTokens)
    add(token);
  for (int byte = 0; byte < 256; ++byte)
    add(lpmc::byte_token(static_cast<std::uint8_t>(byte)));
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    add(lines.substr(0, end));
    lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 1);
  }
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// Decoding undoes encoding, whatever the merges.
void check_round_trip(const lpmc::BpeTokenizer& tokenizer, std::string_view text) {
  const auto ids = tokenizer.encode(text, false);
  // Special tokens in the text come out again, but <mask> took the white space before it along.
  if (text.find("<mask>") == std::string_view::npos &&
      tokenizer.decode(ids, {.skip_special_tokens = false, .clean_up = false}) !=
          lpmc::replace_invalid_utf8(text)) {
    std::abort();
  }
  (void)tokenizer.decode(ids);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(static_cast<const char*>(static_cast<const void*>(data)), size);
  const std::string_view vocabulary = take_part(input);
  const std::string_view merges = take_part(input);
  try {
    const auto tokenizer = vocabulary.starts_with("+")
                               ? lpmc::BpeTokenizer::from_text(good_vocabulary(vocabulary.substr(1)), merges)
                               : lpmc::BpeTokenizer::from_text(vocabulary, merges);
    check_round_trip(tokenizer, input);
  } catch (const lpmc::Error&) {
    // A refused file is a good outcome.
  }
  return 0;
}
