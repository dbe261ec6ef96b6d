#include "lpmc/evaluation/sentence_splitter.h"

#include <fstream>

#include <gmock/gmock.h>

#include "lpmc/base/error.h"

#include "tests/support/fixtures.h"

namespace lpmc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(SentenceSplitter, CutsAfterMarks) {
  EXPECT_THAT(split_sentences("Slow piano. Is it sad? Yes! ok"),
              ElementsAre("Slow piano.", "Is it sad?", "Yes!", "ok"));
  EXPECT_THAT(split_sentences("  one.\n\ntwo.  "), ElementsAre("  one.", "two."));
  EXPECT_THAT(split_sentences("at 92.5 bpm"), ElementsAre("at 92.5 bpm"));
}

TEST(SentenceSplitter, LeavesInitialsAndOrdinals) {
  EXPECT_THAT(split_sentences("By J. Bach and j. s. bach."), ElementsAre("By J. Bach and j. s. bach."));
  EXPECT_THAT(split_sentences("In bar 3. the drums"), ElementsAre("In bar 3. the drums"));
  EXPECT_THAT(split_sentences("In bar 3. The drums"), ElementsAre("In bar 3.", "The drums"));
}

TEST(SentenceSplitter, LeavesDotsAndTestsOnlyTheLastOfSeveralMarks) {
  EXPECT_THAT(split_sentences("Wait .. then go"), ElementsAre("Wait .. then go"));
  EXPECT_THAT(split_sentences("Loud!!! Then soft"), ElementsAre("Loud!!!", "Then soft"));
}

TEST(SentenceSplitter, MovesClosingMarksToTheSentenceBefore) {
  EXPECT_THAT(split_sentences("(Loud.) Then soft."), ElementsAre("(Loud.)", "Then soft."));
  EXPECT_THAT(split_sentences("He sang \"la.\" Then more."), ElementsAre("He sang \"la.\"", "Then more."));
}

TEST(SentenceSplitter, KnowsTheAbbreviationsItIsGiven) {
  const std::string text = "With Dr. Who at 7 p.m. and more. The end.";
  EXPECT_THAT(split_sentences(text), ElementsAre("With Dr.", "Who at 7 p.m.", "and more.", "The end."));
  EXPECT_THAT(split_sentences(text, Abbreviations({"DR.", "p.m"})),
              ElementsAre("With Dr. Who at 7 p.m. and more.", "The end."));
  EXPECT_THAT(split_sentences("an ex-dr. here", Abbreviations({"dr"})), ElementsAre("an ex-dr. here"));
}

TEST(SentenceSplitter, TakesAnything) {
  EXPECT_THAT(split_sentences(""), IsEmpty());
  EXPECT_THAT(split_sentences(" \n"), IsEmpty());
  EXPECT_THAT(split_sentences("\xFF. \xFF"), ElementsAre("\uFFFD.", "\uFFFD"));
  EXPECT_THAT(split_sentences("\u4E2D. \U0001F3B5"), ElementsAre("\u4E2D.", "\U0001F3B5"));
}

TEST(Abbreviations, AreReadOneALine) {
  const test::TemporaryFolder folder;
  std::ofstream(folder / "list", std::ios::binary) << "# of people\nDr.\r\n\n  vs \n";
  const Abbreviations abbreviations = Abbreviations::read(folder / "list");
  EXPECT_EQ(abbreviations.size(), 2U);
  EXPECT_TRUE(abbreviations.contains(U"dr"));
  EXPECT_TRUE(abbreviations.contains(U"vs"));
  EXPECT_FALSE(abbreviations.contains(U"Dr."));
}

TEST(Abbreviations, NameFileAndLineOfWhatIsNone) {
  const test::TemporaryFolder folder;
  const auto message = [&](const std::string& text) -> std::string {
    std::ofstream(folder / "list", std::ios::binary) << text;
    try {
      (void)Abbreviations::read(folder / "list");
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::corrupt);
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(message("dr\ntwo words\n"), HasSubstr("list:2"));
  EXPECT_THAT(message("dr\nvs\n\xFF\n"), HasSubstr("list:3"));
  EXPECT_THROW(Abbreviations::read(folder / "missing"), Error);
  EXPECT_THROW(Abbreviations::read(folder.path()), Error);
}

}  // namespace
}  // namespace lpmc
