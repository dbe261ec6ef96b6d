#include "lpmc/text/bpe_tokenizer.h"

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "small_vocabulary.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"

#include "tests/support/random_text.h"

namespace lpmc {
namespace {

using namespace std::string_view_literals;
using Ids = std::vector<std::int32_t>;

const BpeTokenizer& small_tokenizer() {
  static const auto tokenizer = BpeTokenizer::from_text(test::vocabulary_json(test::small_merges()),
                                                        test::merges_text(test::small_merges()));
  return tokenizer;
}

struct Example {
  std::string_view text;
  Ids ids;
};

// Ids that transformers 4.26.1's slow BartTokenizer gave for this vocabulary.
const Example kExamples[] = {
    {""sv, {0, 2}},
    {" "sv, {0, 36, 2}},
    {"   "sv, {0, 267, 36, 2}},
    {"the music"sv, {0, 120, 261, 272, 2}},
    {" the music"sv, {0, 263, 272, 2}},
    {"The  music\x0a\x0a"sv, {0, 88, 261, 36, 272, 287, 2}},
    {"aaaa aaaaa"sv, {0, 273, 273, 262, 273, 273, 2}},
    {"ababab abab ababa"sv, {0, 282, 275, 262, 102, 275, 262, 102, 276, 2}},
    {"I'm in, isn't it? 'tis he's"sv, {0,  77,  43,  113, 36,  264, 48,  36,  109, 119, 114, 279,
                                       36, 109, 120, 67,  277, 120, 109, 119, 36,  261, 278, 2}},
    {"don''t"sv, {0, 104, 115, 114, 43, 43, 120, 2}},
    {"caf\xc3\xa9 12345 \xc2\xbd"sv, {0, 103, 101, 106, 283, 36, 285, 56, 57, 36, 198, 193, 2}},
    {"\xf0\x9f\x8e\xb5\xf0\x9f\x8e\xb5 music"sv, {0, 290, 290, 272, 2}},
    {"<s>the</s>"sv, {0, 0, 120, 261, 2, 2}},
    {"a <mask> b"sv, {0, 101, 298, 36, 102, 2}},
    {"a \x09\xe3\x80\x80\x1c<mask><mask> </s> b"sv, {0, 101, 298, 298, 36, 2, 36, 102, 2}},
    {"<pad> <unk>"sv, {0, 1, 36, 3, 2}},
    {"<<s>>"sv, {0, 64, 0, 66, 2}},
    {"<mask"sv, {0, 64, 294, 2}},
    {"mask"sv, {0, 294, 2}},
    {"<s >"sv, {0, 64, 119, 36, 66, 2}},
    {"  <mask>"sv, {0, 298, 2}},
    {"tab\x09"
     "and\x0d\x0aline"sv,
     {0, 120, 275, 13, 101, 114, 104, 17, 14, 112, 264, 105, 2}},
    {"\x1c\x1d the"sv, {0, 32, 33, 263, 2}},
    {"\xe1\xa0\x8emusic \xe1\xa0\x8e"sv, {0, 229, 164, 146, 113, 269, 271, 36, 229, 164, 146, 2}},
    {"\xc2\xa0the\xe2\x80\x83re"sv, {0, 198, 164, 120, 261, 230, 132, 135, 265, 2}},
    {"in\xe2\x80\x8bg"sv, {0, 264, 230, 132, 143, 107, 2}},
    {"!!!! !!"sv, {0, 286, 286, 36, 286, 2}},
    {"e\xcc\x81\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"sv,
     {0, 105, 208, 133, 234, 155, 169, 234, 160, 176, 236, 174, 162, 2}},
    {"\x00\x7f"sv, {0, 4, 131, 2}},
    {"\xf0\x9e\x80\xb0\xf0\x91\xbd\x90 a"sv, {0, 244, 297, 180, 244, 149, 193, 148, 262, 2}},
};

TEST(BpeTokenizer, EncodesAsTheReference) {
  ASSERT_EQ(small_tokenizer().vocab_size(), 299U);
  for (const Example& example : kExamples) {
    EXPECT_EQ(small_tokenizer().encode(example.text), example.ids) << example.text;
  }
}

TEST(BpeTokenizer, LeavesOutSpecialTokensOnRequest) {
  EXPECT_EQ(small_tokenizer().encode("the", false), (Ids{120, 261}));
  EXPECT_EQ(small_tokenizer().encode("", false), Ids{});
  EXPECT_EQ(small_tokenizer().encode("</s>", false), Ids{2});  // this one is in the text
}

TEST(BpeTokenizer, ReplacesIllFormedInput) {
  for (const std::string_view text : {"a\xff"
                                      "b"sv,
                                      "\xc3"sv, "\xed\xa0\x80"sv, "\xf0\x9f\x8e"sv}) {
    EXPECT_EQ(small_tokenizer().encode(text), small_tokenizer().encode(replace_invalid_utf8(text)));
  }
  EXPECT_EQ(small_tokenizer().decode(small_tokenizer().encode("a\xff"
                                                              "b")),
            "a\xEF\xBF\xBD"
            "b");
}

// Texts that transformers 4.26.1's decode() gave.
TEST(BpeTokenizer, DecodesAsTheReference) {
  const BpeTokenizer& tokenizer = small_tokenizer();
  EXPECT_EQ(tokenizer.decode(Ids{119, 276, 64, 187, 240, 295, 31, 4}),
            "saba<\xef\xbf\xbd\xef\xbf\xbd <\x1b\x00"sv);
  EXPECT_EQ(tokenizer.decode(Ids{30, 79, 19, 152, 13, 135, 240, 196}),
            "\x1aK\x0f\xef\xbf\xbd\x09\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"sv);
  const Ids with_special{0, 120, 261, 1, 3, 298, 272, 2};
  EXPECT_EQ(tokenizer.decode(with_special), "the music");
  EXPECT_EQ(tokenizer.decode(with_special, {.skip_special_tokens = false}),
            "<s>the<pad><unk><mask> music</s>");
  EXPECT_EQ(tokenizer.decode(Ids{}), "");
}

TEST(BpeTokenizer, CleansUpAsTheReference) {
  const auto check = [](std::string_view text, std::string_view expected) {
    const Ids ids = small_tokenizer().encode(text);
    EXPECT_EQ(small_tokenizer().decode(ids), expected);
    EXPECT_EQ(small_tokenizer().decode(ids, {.clean_up = false}), text);
    EXPECT_EQ(clean_up_tokenization(std::string(text)), expected);
  };
  check("a .b , c ! d ? e", "a.b, c! d? e");
  check("do n't I 'm he 's we 've they 're ' x ' . ' y '", "don't I'm he's we've they're'x '.'y '");
  check(" ' ' ' ", "'''");
  check("  .  ,", " . ,");
  check(" n't n't n't . . .", "n'tn'tn't...");
  check("a ' .", "a '.");
  check(" ' m 's", "'m's");
  check("it 's '  s", "it's' s");
}

TEST(BpeTokenizer, RefusesIdsOutOfRange) {
  for (const std::int32_t id : {-1, 299, INT32_MAX, INT32_MIN}) {
    EXPECT_THROW(small_tokenizer().decode(Ids{id}), Error);
    EXPECT_THROW(small_tokenizer().token(id), Error);
  }
  EXPECT_EQ(small_tokenizer().token(263), "Ġthe");
  try {
    small_tokenizer().decode(Ids{5, 299});
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::invalid_argument);
    EXPECT_STREQ(error.what(), "token id: expected 0 to 298, found 299");
  }
}

TEST(BpeTokenizer, DecodingUndoesEncoding) {
  std::mt19937 random(11);
  for (int i = 0; i < 5000; ++i) {
    const std::string text = test::random_text(random);
    ASSERT_EQ(small_tokenizer().decode(small_tokenizer().encode(text), {.clean_up = false}), text);
  }
}

}  // namespace
}  // namespace lpmc
