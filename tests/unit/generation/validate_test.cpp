#include <functional>
#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "lpmc/base/error.h"
#include "lpmc/generation/generate.h"

namespace lpmc {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::string error_of(const std::function<void(GenerationOptions&, SpecialTokens&, std::int64_t&)>& change) {
  GenerationOptions options;
  SpecialTokens special;
  std::int64_t vocab_size = 100;
  change(options, special, vocab_size);
  try {
    validate(options, special, vocab_size);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::invalid_argument);
    EXPECT_THROW(SegmentSearch(options, special, vocab_size), Error);
    return error.what();
  }
  return "no error";
}

std::string error_of_options(const std::function<void(GenerationOptions&)>& change) {
  return error_of([&](GenerationOptions& options, SpecialTokens&, std::int64_t&) { change(options); });
}

TEST(Validate, NamesTheOption) {
  EXPECT_EQ(error_of_options([](auto&) {}), "no error");
  EXPECT_EQ(error_of_options([](auto& o) { o.num_beams = 0; }), "num_beams: expected 1 to 64, found 0");
  EXPECT_EQ(error_of_options([](auto& o) { o.num_beams = 65; }), "num_beams: expected 1 to 64, found 65");
  EXPECT_EQ(error_of_options([](auto& o) { o.max_length = 1; }), "max_length: expected 2 to 65536, found 1");
  EXPECT_EQ(error_of_options([](auto& o) { o.min_length = 129; }),
            "min_length: expected 0 to 128 (max_length), found 129");
  EXPECT_EQ(error_of_options([](auto& o) { o.min_length = -1; }),
            "min_length: expected 0 to 128 (max_length), found -1");
  EXPECT_EQ(error_of_options([](auto& o) { o.length_penalty = kNan; }),
            "length_penalty: expected -50 to 50, found nan");
  EXPECT_EQ(error_of_options([](auto& o) { o.no_repeat_ngram = -1; }),
            "no_repeat_ngram: expected 0 to 2147483647, found -1");
  EXPECT_EQ(error_of_options([](auto& o) { o.repetition_penalty = 0; }),
            "repetition_penalty: expected 0.001 to 1000, found 0");
  EXPECT_EQ(error_of_options([](auto& o) { o.top_p = 0; }), "top_p: expected over 0 and at most 1, found 0");
  EXPECT_EQ(error_of_options([](auto& o) { o.top_p = kNan; }),
            "top_p: expected over 0 and at most 1, found nan");
  EXPECT_EQ(error_of_options([](auto& o) { o.top_k = -1; }), "top_k: expected 0 to 2147483647, found -1");
  EXPECT_EQ(error_of_options([](auto& o) { o.temperature = 0; }),
            "temperature: expected 0.001 to 1000, found 0");
  EXPECT_EQ(error_of_options([](auto& o) { o.n_best = 0; }), "n_best: expected 1 to 5 (num_beams), found 0");
  EXPECT_EQ(error_of_options([](auto& o) { o.n_best = 6; }), "n_best: expected 1 to 5 (num_beams), found 6");
  EXPECT_EQ(error_of_options([](auto& o) { o.n_best = 6, o.sample = true; }), "no error");
  EXPECT_EQ(error_of_options([](auto& o) { o.n_best = 65, o.sample = true; }),
            "n_best: expected 1 to 64, found 65");
}

TEST(Validate, NamesTheToken) {
  EXPECT_EQ(error_of([](auto&, auto&, auto& vocab) { vocab = 1; }),
            "vocab_size: expected 2 to 2147483647, found 1");
  EXPECT_EQ(error_of([](auto&, auto& s, auto&) { s.eos = 100; }), "eos: expected -1 to 99, found 100");
  EXPECT_EQ(error_of([](auto&, auto& s, auto&) { s.forced_bos = -2; }),
            "forced_bos: expected -1 to 99, found -2");
  EXPECT_EQ(error_of([](auto&, auto& s, auto&) { s.decoder_start = -1; }),
            "decoder_start: expected 0 to 99, found -1");
  EXPECT_EQ(error_of([](auto&, auto& s, auto&) { s.eos = s.forced_bos = s.forced_eos = s.bos = s.pad = -1; }),
            "no error");
}

}  // namespace
}  // namespace lpmc
