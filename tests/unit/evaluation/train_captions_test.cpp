#include "lpmc/evaluation/train_captions.h"

#include <gmock/gmock.h>

#include "lpmc/base/error.h"

#include "tests/support/fixtures.h"

namespace lpmc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(TrainCaptions, ReadsEveryShape) {
  EXPECT_THAT(parse_train_captions(R"(["a", "b"])", "x"), ElementsAre("a", "b"));
  EXPECT_THAT(parse_train_captions(R"({"i": "a", "j": {"caption": "b"}})", "x"), ElementsAre("a", "b"));
  EXPECT_THAT(parse_train_captions(R"({"caption": ["a", "b"]})", "x"), ElementsAre("a", "b"));
  EXPECT_THAT(parse_train_captions("{\"caption\": \"a\"}\n{\"caption\": \"b\"}\n", "x"),
              ElementsAre("a", "b"));
  EXPECT_THAT(parse_train_captions("\"a\"\n\"b\"\n", "x"), ElementsAre("a", "b"));
  EXPECT_THAT(parse_train_captions("\"caption\",n\n\"a, b\",1\n", "x"), ElementsAre("a, b"));
  EXPECT_THAT(parse_train_captions(R"([{"captions": {"writing": "a", "summary": "b"}, "caption": ""}])", "x"),
              ElementsAre("a", "b"));
}

TEST(TrainCaptions, KeepsTheSplit) {
  constexpr std::string_view kMusicCaps =
      "ytid,caption,is_audioset_eval\r\n1,a,True\r\n2,\"b\nc\",False\r\n3,d,False\r\n";
  EXPECT_THAT(parse_train_captions(kMusicCaps, "x.csv"), ElementsAre("b\nc", "d"));
  EXPECT_THAT(parse_train_captions(kMusicCaps, "x.csv", "test"), ElementsAre("a"));
  constexpr std::string_view kManifest =
      "{\"caption\": \"a\", \"split\": \"train\"}\n{\"caption\": \"b\", \"split\": \"valid\"}\n";
  EXPECT_THAT(parse_train_captions(kManifest, "x"), ElementsAre("a"));
  EXPECT_THROW(parse_train_captions(kManifest, "x", "test"), Error);
}

TEST(TrainCaptions, SaysWhatIsWrong) {
  const auto complaint = [](std::string_view text) -> std::string {
    try {
      parse_train_captions(text, "train");
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(complaint("[{\"caption\": \"a\"},\n{\"tags\": []}]"),
              HasSubstr("train: entry 2 (line 2): expected a caption under \"caption\", found none"));
  EXPECT_THAT(complaint("[3]"),
              HasSubstr("entry 1 (line 1): expected a caption as a string, found a number"));
  EXPECT_THAT(complaint("caption,is_audioset_eval\na,perhaps\n"),
              HasSubstr("expected True or False, found 'perhaps'"));
  EXPECT_THAT(complaint("[]"), HasSubstr("expected captions of the split 'train', found none"));
}

TEST(TrainCaptions, ReadsMusicCaps) {
  const auto file = test::shared_path("data/musiccaps-public.csv");
  if (!file) GTEST_SKIP() << "MusicCaps' file is not there";
  EXPECT_EQ(read_train_captions(*file).size(), 2663U);
  EXPECT_EQ(read_train_captions(*file, "test").size(), 2858U);
}

}  // namespace
}  // namespace lpmc
