#include "lpmc/cli/bertscore_scorer.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "lpmc/base/error.h"
#include "lpmc/base/threads.h"
#include "lpmc/base/utf8.h"
#include "lpmc/inference/roberta_encoder.h"
#include "lpmc/model/roberta.h"
#include "lpmc/text/bpe_tokenizer.h"
#include "lpmc/text/byte_alphabet.h"

namespace lpmc::cli {
namespace {

/// Tokens that go through the encoder together: enough to make the products compute-bound, while what they
/// become (some 16 kB a token in roberta-large) stays small.
constexpr std::size_t kBlockTokens = 2048;

DType parse_dtype(std::string_view name) {
  if (name == "f32") return DType::f32;
  if (name == "bf16") return DType::bf16;
  if (name == "int8") return DType::i8;
  fail(ErrorKind::invalid_argument, "bertscore-dtype: expected f32, bf16 or int8, found '{}'", name);
}

/// Python's str.strip().
std::string strip(std::string_view text) {
  const std::string clean = replace_invalid_utf8(text);
  std::string_view rest = clean;
  std::size_t first = clean.size();
  std::size_t last = clean.size();
  while (!rest.empty()) {
    const std::size_t at = clean.size() - rest.size();
    if (is_python_space(take_character(rest))) continue;
    first = std::min(first, at);
    last = clean.size() - rest.size();
  }
  return clean.substr(first, last - first);
}

BpeTokenizer open_tokenizer(const RobertaModel& model) {
  BpeTokenizer tokenizer = BpeTokenizer::from_files(model.files.vocab, model.files.merges);
  const std::string where = display_path(model.files.vocab);
  LPMC_REQUIRE(tokenizer.vocab_size() <= static_cast<std::size_t>(model.config.vocab_size), corrupt,
               "{}: expected at most the model's {} tokens, found {}; these are another model's files", where,
               model.config.vocab_size, tokenizer.vocab_size());
  for (const auto& [id, token] :
       {std::pair{model.config.bos_token_id, "<s>"}, std::pair{model.config.pad_token_id, "<pad>"},
        std::pair{model.config.eos_token_id, "</s>"}}) {
    LPMC_REQUIRE(static_cast<std::size_t>(id) < tokenizer.vocab_size() && tokenizer.token(id) == token,
                 corrupt, "{}: id {}: expected {}, found another token", where, id, token);
  }
  return tokenizer;
}

/// The different texts of all clips, as token ids.
class TokenizedTexts {
 public:
  explicit TokenizedTexts(std::span<const ClipCaptions> clips) {
    for (const ClipCaptions& clip : clips) {
      LPMC_REQUIRE(!clip.references.empty(), invalid_argument,
                   "BERTScore: clip '{}': expected a reference, found none", clip.id);
      add(clip.prediction);
      for (const std::string& reference : clip.references)
        add(reference);
    }
    tokens_.resize(texts_.size());
  }

  template <class Tokenize>
  void tokenize(Tokenize&& tokenize) {
    parallel_for(static_cast<std::int64_t>(texts_.size()), [&](std::int64_t i) {
      const auto index = static_cast<std::size_t>(i);
      tokens_[index] = tokenize(texts_[index]);
    });
  }

  std::size_t index(std::string_view text) const { return indices_.at(text); }
  const std::vector<std::int32_t>& tokens(std::size_t index) const { return tokens_[index]; }

 private:
  void add(std::string_view text) {
    if (indices_.emplace(text, texts_.size()).second) texts_.push_back(text);
  }

  std::vector<std::string_view> texts_;  // of the clips
  std::unordered_map<std::string_view, std::size_t> indices_;
  std::vector<std::vector<std::int32_t>> tokens_;
};

/// Some clips, and the texts that they have.
struct Block {
  std::vector<std::size_t> clips;
  std::unordered_map<std::size_t, std::size_t> places;  // index of a text to its place in `sequences`
  std::vector<std::vector<std::int32_t>> sequences;
  std::size_t tokens = 0;

  void add_text(const TokenizedTexts& texts, std::string_view text) {
    const std::size_t index = texts.index(text);
    if (!places.emplace(index, sequences.size()).second) return;
    sequences.push_back(texts.tokens(index));
    tokens += sequences.back().size();
  }
};

}  // namespace

struct BertScorer::Impl {
  BertScoreOptions options;
  std::string name;
  int layer = 0;
  int depth = 0;
  std::int32_t bos = 0, eos = 0;
  std::optional<BpeTokenizer> tokenizer;
  std::optional<RobertaEncoder> encoder;
  std::optional<BertScoreBaseline> baseline;

  /// Stripped, with a leading space, <s> and </s> around, cut to what the model takes.
  std::vector<std::int32_t> tokenize(std::string_view text) const {
    const std::string stripped = strip(text);
    std::vector<std::int32_t> tokens = tokenizer->encode(stripped.empty() ? stripped : " " + stripped);
    const auto longest = static_cast<std::size_t>(encoder->max_tokens());
    if (tokens.size() > longest) {
      tokens.resize(longest);
      tokens.back() = eos;
    }
    return tokens;
  }

  std::vector<double> weights(std::span<const std::int32_t> tokens,
                              const std::optional<TokenIdf>& idf) const {
    std::vector<double> weights;
    for (const std::int32_t token : tokens) {
      const double plain = token == bos || token == eos ? 0 : 1;
      weights.push_back(idf ? idf->weight(token) : plain);
    }
    return weights;
  }

  void score_block(std::span<const ClipCaptions> clips, const TokenizedTexts& texts, const Block& block,
                   const std::optional<TokenIdf>& idf, std::span<BertScoreValue> scores) const;
};

void BertScorer::Impl::score_block(std::span<const ClipCaptions> clips, const TokenizedTexts& texts,
                                   const Block& block, const std::optional<TokenIdf>& idf,
                                   std::span<BertScoreValue> scores) const {
  Tensor hidden = encoder->forward(block.sequences);
  const auto width = static_cast<std::size_t>(encoder->width());
  normalize_rows(hidden.mutable_values<float>(), width);
  std::vector<std::vector<double>> token_weights;
  std::vector<TokenEmbeddings> embeddings;
  std::size_t first = 0;
  for (const std::vector<std::int32_t>& sequence : block.sequences)
    token_weights.push_back(weights(sequence, idf));
  for (const std::vector<double>& of_text : token_weights) {
    embeddings.push_back({hidden.values<float>().subspan(first * width, of_text.size() * width), of_text});
    first += of_text.size();
  }
  const auto embedded = [&](std::string_view text) -> const TokenEmbeddings& {
    return embeddings[block.places.at(texts.index(text))];
  };
  parallel_for(static_cast<std::int64_t>(block.clips.size()), [&](std::int64_t i) {
    const std::size_t number = block.clips[static_cast<std::size_t>(i)];
    std::vector<BertScoreValue> values;
    for (const std::string& reference : clips[number].references)
      values.push_back(bert_score(embedded(clips[number].prediction), embedded(reference)));
    const BertScoreValue best = best_of(values);
    scores[number] = baseline ? baseline->rescale(best) : best;
  });
}

BertScorer::BertScorer(const BertScoreOptions& options) : impl_(std::make_unique<Impl>()) {
  const DType arithmetic = parse_dtype(options.bertscore_dtype);
  LPMC_REQUIRE(options.bertscore_layer >= 0, invalid_argument,
               "bertscore-layer: expected 0 or the number of a layer, found {}", options.bertscore_layer);
  const RobertaModel model = open_roberta(find_roberta(options.bertscore_model), options.bertscore_layer);
  impl_->options = options;
  impl_->name = model.files.name;
  impl_->layer = static_cast<int>(model.weights.layers.size());
  impl_->depth = model.config.num_hidden_layers;
  impl_->bos = model.config.bos_token_id;
  impl_->eos = model.config.eos_token_id;
  if (!options.bertscore_baseline.empty()) impl_->baseline.emplace(options.bertscore_baseline, impl_->layer);
  impl_->tokenizer.emplace(open_tokenizer(model));
  impl_->encoder.emplace(model, arithmetic);
}

BertScorer::~BertScorer() = default;
BertScorer::BertScorer(BertScorer&&) noexcept = default;
BertScorer& BertScorer::operator=(BertScorer&&) noexcept = default;

std::string BertScorer::definition() const {
  return fmt::format(
      "bert_score 0.3.13: mean F of greedy cosine matching of tokens; {}, output of layer {} of {}, {}, {}, "
      "{} "
      "arithmetic; of several references each number's best",
      impl_->name, impl_->layer, impl_->depth, impl_->options.bertscore_idf ? "idf weights" : "no idf",
      impl_->baseline ? "rescaled with a baseline" : "not rescaled", impl_->options.bertscore_dtype);
}

std::vector<BertScoreValue> BertScorer::score(
    std::span<const ClipCaptions> clips, const std::function<void(std::size_t done)>& on_progress) const {
  TokenizedTexts texts(clips);
  texts.tokenize([&](std::string_view text) { return impl_->tokenize(text); });
  std::optional<TokenIdf> idf;
  if (impl_->options.bertscore_idf) {
    std::vector<std::vector<std::int32_t>> references;
    for (const ClipCaptions& clip : clips) {
      for (const std::string& reference : clip.references)
        references.push_back(texts.tokens(texts.index(reference)));
    }
    idf.emplace(references);
  }
  std::vector<std::size_t> order(clips.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  // Equal predictions side by side, so that they fall into one block.
  std::ranges::stable_sort(order, {}, [&](std::size_t i) -> std::string_view { return clips[i].prediction; });
  std::vector<BertScoreValue> scores(clips.size());
  std::size_t done = 0;
  for (std::size_t next = 0; next < order.size();) {
    Block block;
    while (next < order.size() && block.tokens < kBlockTokens) {
      const ClipCaptions& clip = clips[order[next]];
      block.add_text(texts, clip.prediction);
      for (const std::string& reference : clip.references)
        block.add_text(texts, reference);
      block.clips.push_back(order[next++]);
    }
    impl_->score_block(clips, texts, block, idf, scores);
    done += block.clips.size();
    if (on_progress) on_progress(done);
  }
  return scores;
}

}  // namespace lpmc::cli
