#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lpmc/text/bpe_merges.h"
#include "lpmc/text/pre_tokenizer.h"
#include "lpmc/text/vocabulary.h"

namespace lpmc {

/// Text to token ids and back: BART's byte-level byte-pair encoding.
///
///   const auto tokenizer = BpeTokenizer::from_files("model/vocab.json", "model/merges.txt");
///   tokenizer.encode("Hello world");            // {0, 31414, 232, 2} with bart-base's files
///   tokenizer.decode(ids);                      // "Hello world"
///
/// Ids are those of transformers 4.26.1's slow BartTokenizer (from_pretrained), decoded text is that
/// of its decode(). Kept on purpose: <s>, <pad>, </s>, <unk> and <mask> in the text are the special
/// tokens, and <mask> swallows the white space before it; merges.txt loses a last line without a
/// newline; a byte order mark before vocab.json is an error.
/// Immutable: any number of threads may use one object. Moved, not copied.
class BpeTokenizer {
 public:
  /// @throws Error(not_found) when a file is not there, Error(io) when it cannot be read,
  /// Error(corrupt) naming file and token or line when it is not what Vocabulary::from_json and
  /// BpeMerges expect
  static BpeTokenizer from_files(const std::filesystem::path& vocab_json,
                                 const std::filesystem::path& merges_txt);
  /// The same from memory; the names stand in errors.
  static BpeTokenizer from_text(std::string_view vocab_json, std::string_view merges_txt,
                                std::string_view vocab_name = "vocab.json",
                                std::string_view merges_name = "merges.txt");

  /// Number of tokens = largest id + 1.
  std::size_t vocab_size() const { return vocabulary_.size(); }

  /// @param text UTF-8; ill-formed bytes count as U+FFFD, one for each maximal subpart
  /// @param add_special_tokens puts <s> before and </s> after
  std::vector<std::int32_t> encode(std::string_view text, bool add_special_tokens = true) const;

  struct DecodeOptions {
    bool skip_special_tokens = true;  ///< leave out <s>, <pad>, </s>, <unk>, <mask>
    bool clean_up = true;             ///< " ." to ".", " n't" to "n't" and the like
  };
  /// @return UTF-8; bytes that are none become U+FFFD
  /// @throws Error(invalid_argument) for an id outside [0, vocab_size())
  std::string decode(std::span<const std::int32_t> ids, DecodeOptions options) const;
  std::string decode(std::span<const std::int32_t> ids) const { return decode(ids, DecodeOptions{}); }

  /// The token as it stands in vocab.json ("Ġworld").
  /// @throws Error(invalid_argument) for an id outside [0, vocab_size())
  std::string_view token(std::int32_t id) const;

 private:
  BpeTokenizer(Vocabulary vocabulary, BpeMerges merges);
  void encode_plain(std::string_view text, std::vector<std::int32_t>& ids) const;
  bool is_special(std::int32_t id) const;
  void check_id(std::int32_t id) const;

  Vocabulary vocabulary_;
  BpeMerges merges_;
  PreTokenizer pre_tokenizer_;
  std::array<std::int32_t, 256> byte_ids_{};
  std::array<std::int32_t, std::size(kSpecialTokens)> special_ids_{};  // in the order of kSpecialTokens
};

/// The clean-up of decoded text: " ." " ?" " !" " ," " ' " " n't" " 'm" " 's" " 've" " 're" lose
/// their spaces, in this order.
/// Source: transformers 4.26.1 clean_up_tokenization.
std::string clean_up_tokenization(std::string text);

}  // namespace lpmc
