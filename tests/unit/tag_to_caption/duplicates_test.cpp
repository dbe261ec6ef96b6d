#include "lpmc/tag_to_caption/duplicates.h"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace lpmc {
namespace {

using Match = DuplicateIndex::Match;

std::string random_caption(std::mt19937& random, std::size_t words) {
  std::string caption;
  for (std::size_t i = 0; i < words; ++i)
    caption += "word" + std::to_string(random() % 5000) + " ";
  return caption;
}

/// Captions of `words` words, the second with the last words replaced so that the 3-gram sets' similarity is
/// (n - k) / (n + k) for n 3-grams of which k are new.
Match match_of_pair(std::mt19937& random, std::size_t words, std::size_t replaced, double least) {
  DuplicateIndex index;
  const std::string same = random_caption(random, words - replaced);
  index.add(same + random_caption(random, replaced), least);
  return index.add(same + random_caption(random, replaced), least);
}

TEST(DuplicateIndex, EqualWhateverCaseAndPunctuation) {
  DuplicateIndex index;
  EXPECT_EQ(index.add("A sad song, with guitars.", 0.9), Match::none);
  EXPECT_EQ(index.add("a sad  song with Guitars", 0.9), Match::equal);
  EXPECT_EQ(index.add("A song, sad with guitars.", 0.9), Match::none);
  EXPECT_EQ(index.add("", 0.9), Match::none);
  EXPECT_EQ(index.add("...", 0.9), Match::equal);
}

TEST(DuplicateIndex, EqualIsFoundAlsoAfterANearOne) {
  DuplicateIndex index;
  std::mt19937 random(1);
  const std::string first = random_caption(random, 100), second = first + "more";
  EXPECT_EQ(index.add(first, 0.9), Match::none);
  EXPECT_EQ(index.add(second, 0.9), Match::near);
  EXPECT_EQ(index.add(second, 0.9), Match::equal);
}

TEST(DuplicateIndex, NearByTheSimilarityOfWordTriples) {
  std::mt19937 random(2);
  int similar = 0, middling = 0, different = 0;
  constexpr int kPairs = 1000;
  for (int i = 0; i < kPairs; ++i) {
    similar += match_of_pair(random, 102, 2, 0.9) == Match::near ? 1 : 0;     // 98 of 102 triples: 0.961
    middling += match_of_pair(random, 102, 12, 0.9) == Match::near ? 1 : 0;   // 88 of 112: 0.786
    different += match_of_pair(random, 102, 60, 0.9) == Match::near ? 1 : 0;  // 40 of 160: 0.25
  }
  // Expected by the binomial law of 48 minima: 0.95, 0.03, 0.
  EXPECT_GT(similar, kPairs * 85 / 100);
  EXPECT_LT(middling, kPairs * 10 / 100);
  EXPECT_EQ(different, 0);
}

TEST(DuplicateIndex, ThousandsOfDifferentCaptionsStayDifferent) {
  DuplicateIndex index;
  std::mt19937 random(3);
  std::vector<std::string> captions;
  for (int i = 0; i < 30'000; ++i)
    captions.push_back(random_caption(random, 20));
  for (const std::string& caption : captions)
    ASSERT_EQ(index.add(caption, 0.9), Match::none) << caption;
  for (const std::string& caption : captions)
    ASSERT_EQ(index.add(caption, 0.9), Match::equal) << caption;
  EXPECT_LT(index.bytes(), captions.size() * 75);
}

TEST(DuplicateIndex, ManyCaptionsOfOneFamilyTakeOnePlace) {
  DuplicateIndex index;
  std::mt19937 random(4);
  const std::string family = random_caption(random, 200);
  EXPECT_EQ(index.add(family, 0.8), Match::none);
  int near = 0;
  for (int i = 0; i < 2000; ++i)
    near += index.add(family + std::to_string(i), 0.8) == Match::near ? 1 : 0;
  EXPECT_EQ(near, 2000);
}

}  // namespace
}  // namespace lpmc
