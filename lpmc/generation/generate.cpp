#include "lpmc/generation/generate.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <utility>

#include "lpmc/base/error.h"
#include "lpmc/base/threads.h"
#include "lpmc/generation/search.h"

namespace lpmc {
namespace {

constexpr int kMaxBeams = 64;
constexpr int kMaxLength = 65536;

template <class T>
void require_between(const char* name, T value, T low, T high) {
  // Written so that NaN fails.
  LPMC_REQUIRE(value >= low && value <= high, invalid_argument, "{}: expected {} to {}, found {}", name, low,
               high, value);
}

void validate_special(const char* name, std::int32_t id, std::int32_t lowest, std::int64_t vocab_size) {
  LPMC_REQUIRE(id >= lowest && id < vocab_size, invalid_argument, "{}: expected {} to {}, found {}", name,
               lowest, vocab_size - 1, id);
}

}  // namespace

void validate(const GenerationOptions& options, const SpecialTokens& special, std::int64_t vocab_size) {
  require_between<std::int64_t>("vocab_size", vocab_size, 2, std::numeric_limits<std::int32_t>::max());
  require_between("num_beams", options.num_beams, 1, kMaxBeams);
  require_between("max_length", options.max_length, 2, kMaxLength);
  LPMC_REQUIRE(options.min_length >= 0 && options.min_length <= options.max_length, invalid_argument,
               "min_length: expected 0 to {} (max_length), found {}", options.max_length, options.min_length);
  require_between("length_penalty", options.length_penalty, -50.0, 50.0);
  require_between("no_repeat_ngram", options.no_repeat_ngram, 0, std::numeric_limits<int>::max());
  require_between("repetition_penalty", options.repetition_penalty, 0.001, 1000.0);
  LPMC_REQUIRE(options.top_p > 0 && options.top_p <= 1, invalid_argument,
               "top_p: expected over 0 and at most 1, found {}", options.top_p);
  require_between("top_k", options.top_k, 0, std::numeric_limits<int>::max());
  require_between("temperature", options.temperature, 0.001, 1000.0);
  const int max_n_best = options.sample ? kMaxBeams : options.num_beams;
  LPMC_REQUIRE(options.n_best >= 1 && options.n_best <= max_n_best, invalid_argument,
               "n_best: expected 1 to {}{}, found {}", max_n_best, options.sample ? "" : " (num_beams)",
               options.n_best);
  validate_special("bos", special.bos, -1, vocab_size);
  validate_special("pad", special.pad, -1, vocab_size);
  validate_special("eos", special.eos, -1, vocab_size);
  validate_special("decoder_start", special.decoder_start, 0, vocab_size);
  validate_special("forced_bos", special.forced_bos, -1, vocab_size);
  validate_special("forced_eos", special.forced_eos, -1, vocab_size);
}

/// One search, or n_best independent ones when sampling; their rows stand one after another.
struct SegmentSearch::Impl {
  struct Part {
    std::unique_ptr<Search> search;
    std::int32_t first_row = 0;  // of the rows wanted now
  };

  std::int64_t vocab_size = 0;
  std::size_t n_best = 1;
  std::vector<Part> parts;
  std::vector<std::int32_t> parents, tokens;

  /// Lines up the rows of the parts that go on.
  void collect_rows() {
    parents.clear();
    tokens.clear();
    for (Part& part : parts) {
      const std::int32_t previous_first_row = part.first_row;
      part.first_row = static_cast<std::int32_t>(tokens.size());
      for (const std::int32_t parent : part.search->parents())
        parents.push_back(previous_first_row + parent);
      tokens.insert(tokens.end(), part.search->tokens().begin(), part.search->tokens().end());
    }
  }
};

SegmentSearch::SegmentSearch(const GenerationOptions& options, const SpecialTokens& special,
                             std::int64_t vocab_size, std::uint64_t stream)
    : impl_(std::make_unique<Impl>()) {
  validate(options, special, vocab_size);
  impl_->vocab_size = vocab_size;
  impl_->n_best = static_cast<std::size_t>(options.n_best);
  const std::size_t parts = options.sample ? impl_->n_best : 1;
  for (std::size_t replica = 0; replica < parts; ++replica) {
    const SearchSetup setup{options, special, vocab_size, stream, replica};
    impl_->parts.push_back({options.num_beams > 1 ? make_beam_search(setup) : make_greedy_search(setup)});
  }
  impl_->collect_rows();  // all rows begin the segment: their parent is 0
}

SegmentSearch::~SegmentSearch() = default;
SegmentSearch::SegmentSearch(SegmentSearch&&) noexcept = default;
SegmentSearch& SegmentSearch::operator=(SegmentSearch&&) noexcept = default;

bool SegmentSearch::done() const {
  return impl_->tokens.empty();
}

std::span<const std::int32_t> SegmentSearch::parents() const {
  return impl_->parents;
}

std::span<const std::int32_t> SegmentSearch::tokens() const {
  return impl_->tokens;
}

void SegmentSearch::advance(TensorView logits) {
  const Shape expected{static_cast<std::int64_t>(impl_->tokens.size()), impl_->vocab_size};
  LPMC_REQUIRE(!done(), invalid_argument, "search: expected no more logits, found {}",
               to_string(logits.shape()));
  LPMC_REQUIRE(logits.shape() == expected, invalid_argument, "logits: expected {}, found {}",
               to_string(expected), to_string(logits.shape()));
  float* data = logits.mutable_data<float>();
  parallel_for(static_cast<std::int64_t>(impl_->parts.size()), [&](std::int64_t index) {
    const Impl::Part& part = impl_->parts[static_cast<std::size_t>(index)];
    if (part.search->done()) return;
    const auto rows = static_cast<std::int64_t>(part.search->tokens().size());
    part.search->advance(
        TensorView(data + part.first_row * impl_->vocab_size, DType::f32, {rows, impl_->vocab_size}));
  });
  impl_->collect_rows();
}

std::vector<Hypothesis> SegmentSearch::take_hypotheses() {
  LPMC_REQUIRE(done(), invalid_argument, "search: expected to be done before its hypotheses are taken");
  std::vector<Hypothesis> hypotheses;
  for (const Impl::Part& part : impl_->parts) {
    std::vector<Hypothesis> found = part.search->take_hypotheses();
    std::move(found.begin(), found.end(), std::back_inserter(hypotheses));
  }
  std::stable_sort(hypotheses.begin(), hypotheses.end(),
                   [](const Hypothesis& a, const Hypothesis& b) { return a.score > b.score; });
  return hypotheses;
}

namespace {

/// A segment of a generate() call with the place of its rows in the shared step.
struct ActiveSegment {
  std::size_t index;
  SegmentSearch search;
  std::int32_t first_row = 0;
};

/// Lines up the rows of all segments. A segment that has not begun is a parent by its index.
void collect_rows(std::vector<ActiveSegment>& active, bool first_step, std::vector<std::int32_t>& parents,
                  std::vector<std::int32_t>& tokens) {
  parents.clear();
  tokens.clear();
  for (ActiveSegment& segment : active) {
    const auto offset = first_step ? static_cast<std::int32_t>(segment.index) : segment.first_row;
    segment.first_row = static_cast<std::int32_t>(tokens.size());
    for (const std::int32_t parent : segment.search.parents())
      parents.push_back(offset + parent);
    tokens.insert(tokens.end(), segment.search.tokens().begin(), segment.search.tokens().end());
  }
}

void advance_all(std::vector<ActiveSegment>& active, TensorView logits, std::int64_t vocab_size) {
  float* data = logits.mutable_data<float>();
  const auto advance = [&](std::int64_t index) {
    ActiveSegment& segment = active[static_cast<std::size_t>(index)];
    const auto rows = static_cast<std::int64_t>(segment.search.tokens().size());
    segment.search.advance(TensorView(data + segment.first_row * vocab_size, DType::f32, {rows, vocab_size}));
  };
  const auto count = static_cast<std::int64_t>(active.size());
  // Few segments leave threads over for the rows of one.
  if (count >= num_threads()) {
    parallel_for(count, advance);
  } else {
    for (std::int64_t index = 0; index < count; ++index)
      advance(index);
  }
}

}  // namespace

std::vector<std::vector<Hypothesis>> generate(const StepFn& step, std::int64_t segments,
                                              std::int64_t vocab_size, const GenerationOptions& options,
                                              const SpecialTokens& special, std::uint64_t first_stream) {
  validate(options, special, vocab_size);
  LPMC_REQUIRE(segments >= 0 && segments <= std::numeric_limits<std::int32_t>::max(), invalid_argument,
               "segments: expected 0 or more, found {}", segments);
  std::vector<std::vector<Hypothesis>> results(static_cast<std::size_t>(segments));
  std::vector<ActiveSegment> active;
  for (std::size_t index = 0; index < results.size(); ++index) {
    active.push_back({index, SegmentSearch(options, special, vocab_size, first_stream + index)});
  }
  std::vector<std::int32_t> parents, tokens;
  for (bool first_step = true; !active.empty(); first_step = false) {
    collect_rows(active, first_step, parents, tokens);
    const TensorView logits = step(parents, tokens);
    const Shape expected{static_cast<std::int64_t>(tokens.size()), vocab_size};
    LPMC_REQUIRE(logits.shape() == expected, invalid_argument, "logits: expected {}, found {}",
                 to_string(expected), to_string(logits.shape()));
    advance_all(active, logits, vocab_size);
    std::erase_if(active, [&](ActiveSegment& segment) {
      if (!segment.search.done()) return false;
      results[segment.index] = segment.search.take_hypotheses();
      return true;
    });
  }
  return results;
}

}  // namespace lpmc
