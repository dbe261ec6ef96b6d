#include "lpmc/captioning/track_caption.h"

#include <chrono>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lpmc/captioning/caption_words.h"

#include "tests/unit/captioning/caption_samples.h"

namespace lpmc {
namespace {

using test::silence;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

/// Ten-second segments with these captions.
std::vector<Segment> track(const std::vector<std::string>& captions) {
  std::vector<Segment> segments;
  for (const std::string& text : captions) {
    const double start_s = 10.0 * static_cast<double>(segments.size());
    segments.push_back(test::spoken(start_s, start_s + 10, text));
  }
  return segments;
}

double similarity(std::string_view a, std::string_view b) {
  detail::Vocabulary vocabulary;
  return detail::f1_similarity(detail::ngram_keys(vocabulary.words(a)),
                               detail::ngram_keys(vocabulary.words(b)));
}

TEST(TrackCaption, EmptyWithoutCaptions) {
  EXPECT_EQ(track_caption({}), "");
  EXPECT_EQ(track_caption(std::vector<Segment>{silence(0, 10), silence(10, 20)}), "");
  EXPECT_EQ(track_caption(track({"", "..."})), "");
}

TEST(TrackCaption, OneSegmentGivesItsCaption) {
  EXPECT_EQ(track_caption(track({"A calm piano. It's slow"})), "A calm piano. It's slow");
  std::vector<Segment> segments = track({"A calm piano."});
  segments.insert(segments.begin(), silence(0, 10));
  EXPECT_EQ(track_caption(segments), "A calm piano.");
}

TEST(TrackCaption, TheCaptionClosestToAllOthersWins) {
  EXPECT_EQ(track_caption(track({
                "A loud rock song with electric guitar.",
                "A calm piano ballad with soft strings.",
                "A calm piano melody with soft strings and a singer.",
                "A sad violin.",
            })),
            "A calm piano ballad with soft strings.");
}

TEST(TrackCaption, TheMajorityWinsWhereverItStands) {
  const std::string rock = "A loud rock song.", piano = "A calm piano.";
  EXPECT_EQ(track_caption(track({rock, piano, piano})), piano);
  EXPECT_EQ(track_caption(track({piano, rock, piano})), piano);
  EXPECT_EQ(track_caption(track({piano, rock})), piano) << "the earliest of equals";
  EXPECT_EQ(track_caption(track({rock, piano})), rock);
}

TEST(TrackCaption, WeightIsDuration) {
  std::vector<Segment> segments = track({"A calm piano.", "A loud rock song.", "A loud rock song."});
  EXPECT_EQ(track_caption(segments), "A loud rock song.");
  segments[1].end_s = segments[1].start_s + 2;
  segments[2].end_s = segments[2].start_s + 2;
  EXPECT_EQ(track_caption(segments), "A calm piano.");
}

TEST(TrackCaption, CaseAndPunctuationDoNotMatter) {
  EXPECT_EQ(track_caption(track({"A violin plays.", "a calm, PIANO", "A calm piano!"})), "a calm, PIANO");
  EXPECT_DOUBLE_EQ(similarity("It's a slow-paced song.", "its A SLOW paced song"), 1.0);
}

TEST(TrackCaption, AppendsWhatMostSegmentsAgreeOn) {
  // Three of four say that a crowd claps; the base, closest to the others, does not.
  const std::vector<Segment> segments = track({
      "This is a gentle acoustic guitar piece with warm bass. People are clapping in the background.",
      "This is a gentle acoustic guitar piece with warm bass.",
      "This is a gentle acoustic guitar tune with warm bass. People are clapping in the background.",
      "This is a gentle acoustic guitar piece with soft bass. People are clapping loudly in the background.",
  });
  std::vector<Segment> quiet = segments;
  quiet[1].end_s += 60;  // now the base, and not enough of the track claps
  EXPECT_EQ(track_caption(quiet), "This is a gentle acoustic guitar piece with warm bass.");
  quiet[1].end_s -= 42;  // 28 of 58 seconds: still the base, but most of the track claps
  EXPECT_EQ(track_caption(quiet),
            "This is a gentle acoustic guitar piece with warm bass. People are clapping in the background.");
}

TEST(TrackCaption, OneSegmentIsNoMajority) {
  // The second segment alone makes up most of the track, and is the base; of two segments neither
  // adds to the other.
  EXPECT_EQ(track_caption(track({"A calm piano. The audio is noisy.", "A loud guitar. People clap."})),
            "A calm piano. The audio is noisy.");
}

const std::string kJazz =
    "A warm jazz trio plays with brushed drums, walking bass and a mellow piano in a small club.";

/// What is appended to kJazz, a caption of almost half of the track and so the base, when each of the
/// other segments, which say little else that is alike, ends with one of `others`.
std::string appended(const std::string& base_end, const std::vector<std::string>& others,
                     double last_s = 10) {
  const std::vector<std::string> openings = {"Mellow piano in a club. ", "Brushed drums. ",
                                             "The trio is warm. ", "Bass, walking. "};
  std::vector<std::string> captions = {kJazz + base_end};
  for (const std::string& other : others)
    captions.push_back(openings[captions.size() - 1] + other);
  std::vector<Segment> segments = track(captions);
  segments.back().end_s = segments.back().start_s + last_s;
  segments[0].end_s = segments[0].start_s + 10.0 * static_cast<double>(others.size() - 1) + last_s - 3;
  const std::string caption = track_caption(segments);
  EXPECT_TRUE(caption.starts_with(kJazz + base_end)) << caption;
  return caption.substr(kJazz.size() + base_end.size());
}

std::string appended(const std::string& base_end, const std::string& agreed) {
  return appended(base_end, std::vector<std::string>(3, agreed));
}

TEST(TrackCaption, NeverAppendsAContradiction) {
  EXPECT_EQ(appended("", "The tempo is slow."), " The tempo is slow.");  // the control
  EXPECT_EQ(appended(" The tempo is fast.", "The tempo is slow."), "");
  EXPECT_EQ(appended(" This is a fast song.", "The tempo is slow."), "");
  EXPECT_EQ(appended(" A male singer hums.", "The female vocalist screams."), "");
  EXPECT_EQ(appended(" The mood is gloomy.", "The mood is hopeful."), "");  // words of no list
}

TEST(TrackCaption, AppendedSentencesDoNotContradictEachOther) {
  EXPECT_EQ(appended("", "The tempo is slow. The song is very fast."), " The tempo is slow.");
}

TEST(TrackCaption, NeverRepeatsItself) {
  EXPECT_EQ(appended(" The recording is very noisy.", "The recording is noisy."), "");
  EXPECT_EQ(appended("", "The drums are mellow."), "");
  EXPECT_EQ(appended("", "People clap. People clap."), " People clap.");
}

TEST(TrackCaption, HalvesThatDisagreeAreNoAgreement) {
  const std::string slow = "The tempo of the whole song is slow.",
                    fast = "The tempo of the whole song is fast.";
  EXPECT_EQ(appended("", std::vector{slow, slow, slow, slow}), " " + slow);  // the control
  EXPECT_EQ(appended("", std::vector{slow, fast, slow, fast}), "");
  // Not either where the word is common, in other sentences.
  const std::string fast_too = fast + " A slow dance begins.";
  EXPECT_EQ(appended("", std::vector{slow, fast_too, slow, fast_too}), "");
}

TEST(TrackCaption, NegationIsNotAgreement) {
  const std::string noise = "There is crowd noise.", none = "There is no crowd noise.";
  EXPECT_EQ(appended("", std::vector{none, none, none, none}), " " + none);  // the control
  EXPECT_EQ(appended("", std::vector{noise, none, noise, none}), "");
}

TEST(TrackCaption, MostMeansMoreThanHalfOfTheTime) {
  const std::vector<std::string> clapping = {"People clap.", "People clap.", "People clap.", "Rain falls."};
  EXPECT_EQ(appended("", clapping, 1), " People clap.");  // 30 of 59 seconds
  EXPECT_EQ(appended("", clapping, 4), "");               // 30 of 65
}

TEST(TrackCaption, ALongerSentenceSupportsAShorterOne) {
  EXPECT_EQ(
      appended("", std::vector<std::string>{"People clap.", "People clap loudly.", "Some people clap."}),
      " People clap.");
}

TEST(TrackCaption, AppendsTwoSentencesAtMostTheMostSupportedFirst) {
  EXPECT_EQ(appended("",
                     std::vector<std::string>{"Birds sing outside. Rain falls softly. Bells ring far away.",
                                              "Rain falls softly. Bells ring far away. Birds sing outside.",
                                              "Birds sing outside. Rain falls softly. Bells ring far away.",
                                              "Bells ring far away."},
                     1),
            " Bells ring far away. Birds sing outside.");
}

TEST(TrackCaption, EndsTheBaseBeforeItAppends) {
  EXPECT_EQ(appended(" Late at night", "People clap."), ". People clap.");
}

TEST(TrackCaption, SimilarityIsTheF1OfWordsAndPairs) {
  EXPECT_DOUBLE_EQ(similarity("a b c", "a b c"), 1.0);
  EXPECT_DOUBLE_EQ(similarity("a b", "c d"), 0.0);
  EXPECT_DOUBLE_EQ(similarity("a b c", "a b d"), 2.0 * 3 / (5 + 5));  // a, b, a-b
  EXPECT_DOUBLE_EQ(similarity("a b", "b a"), 2.0 * 2 / (3 + 3));
  EXPECT_DOUBLE_EQ(similarity("a a a", "a a"), 2.0 * 3 / (5 + 3));  // a twice, a-a once
  EXPECT_DOUBLE_EQ(similarity("", ""), 0.0);
  std::string many;
  for (int i = 0; i < 1000; ++i)
    many += "la ";
  EXPECT_NEAR(similarity(many, many), 1.0, 1e-12);
}

TEST(TrackCaption, SplitsSentences) {
  EXPECT_THAT(detail::split_sentences("A 4.5 beat! Is it slow?  Yes...\nNo end"),
              ElementsAre("A 4.5 beat!", "Is it slow?", "Yes...", "No end"));
  EXPECT_THAT(detail::split_sentences(" \n "), ElementsAre());
}

TEST(TrackCaption, TenHoursOfDifferentCaptionsTakeAMoment) {
  std::mt19937 random(7);
  std::vector<std::string> captions;
  for (int i = 0; i < 3600; ++i) {
    std::string text;
    for (int word = 0; word < 40; ++word) {
      text += "word" + std::to_string(random() % 120) + (word % 10 == 9 ? ". " : " ");
    }
    captions.push_back(text);
  }
  const std::vector<Segment> segments = track(captions);
  const auto start = std::chrono::steady_clock::now();
  const std::string caption = track_caption(segments);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  RecordProperty("seconds", std::to_string(took.count()));
  EXPECT_THAT(captions, ::testing::Contains(::testing::StartsWith(caption.substr(0, 100))));
  EXPECT_EQ(track_caption(segments), caption);
  // A fraction of a second; the bound leaves room for sanitizers and a busy machine, and still
  // catches a comparison of all pairs of sentences.
  EXPECT_LT(took.count(), 10);
}

TEST(TrackCaption, BoundedForAnyNumberOfCaptions) {
  std::vector<std::string> captions;
  for (int i = 0; i < 9000; ++i)
    captions.push_back("Variant number" + std::to_string(i) + " of a calm piano.");
  captions[0] = "Nothing alike.";
  EXPECT_THAT(track_caption(track(captions)), HasSubstr("of a calm piano."));
  EXPECT_THAT(track_caption(track(captions)), Not(HasSubstr("alike")));
}

}  // namespace
}  // namespace lpmc
