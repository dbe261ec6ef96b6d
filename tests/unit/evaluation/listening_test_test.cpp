#include "lpmc/evaluation/listening_test.h"

#include <fstream>
#include <set>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "lpmc/base/error.h"

#include "tests/support/fixtures.h"

namespace lpmc {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

std::vector<ClipCaptions> clips_of(const std::string& system, int count) {
  std::vector<ClipCaptions> clips;
  for (int i = 0; i < count; ++i)
    clips.push_back({"clip" + std::to_string(i), system + std::to_string(i) + " </script>", {"r"}, ""});
  return clips;
}

/// The trials inside a page.
Json test_of(const std::string& page) {
  const std::string open = "<script id=\"test\" type=\"application/json\">";
  const std::size_t begin = page.find(open) + open.size();
  return Json::parse(page.substr(begin, page.find("</script>", begin) - begin));
}

TEST(ListeningTest, PageHoldsEveryClipOnceWithBothCaptions) {
  ListeningTestOptions options;
  options.first_name = "one";
  options.second_name = "two";
  const std::string page = listening_test_html(clips_of("one", 40), clips_of("two", 40), options);
  EXPECT_THAT(page, AllOf(HasSubstr("more true positives"), HasSubstr("fewer false positives"),
                          Not(HasSubstr("http://")), Not(HasSubstr("https://"))));
  const Json test = test_of(page);
  EXPECT_EQ(test.at("first"), "one");
  int swapped = 0;
  std::set<std::string> seen;
  for (const Json& trial : test.at("trials")) {
    const std::string clip = trial.at("clip");
    seen.insert(clip);
    const std::string number = clip.substr(4) + " </script>";
    const bool second_left = trial.at("left_is") == "second";
    swapped += second_left;
    EXPECT_EQ(trial.at("left"), (second_left ? "two" : "one") + number);
    EXPECT_EQ(trial.at("right"), (second_left ? "one" : "two") + number);
    EXPECT_FALSE(trial.contains("audio"));
  }
  EXPECT_EQ(seen.size(), 40U);
  EXPECT_GT(swapped, 5);
  EXPECT_LT(swapped, 35);
}

TEST(ListeningTest, DrawsClipsBySeedAndTakesAudioIn) {
  const test::TemporaryFolder folder;
  for (int i = 0; i < 9; ++i)
    std::ofstream(folder / ("clip" + std::to_string(i) + ".wav")) << "abc";
  ListeningTestOptions options;
  options.clips = 3;
  options.seed = 5;
  options.audio = folder.path();
  const auto first = clips_of("a", 9), second = clips_of("b", 9);
  const Json test = test_of(listening_test_html(first, second, options));
  EXPECT_EQ(test.at("trials").size(), 3U);
  EXPECT_EQ(test.at("trials")[0].at("audio"), "data:audio/wav;base64,YWJj");
  options.embed_audio = false;
  const Json linked = test_of(listening_test_html(first, second, options));
  EXPECT_EQ(linked.at("test"), test.at("test"));
  EXPECT_THAT(linked.at("trials")[0].at("audio").get<std::string>(), HasSubstr(".wav"));
  options.seed = 6;
  EXPECT_NE(test_of(listening_test_html(first, second, options)).at("test"), test.at("test"));
  EXPECT_THROW(listening_test_html(first, clips_of("b", 8), options), Error);
}

AnswerFile answers(const std::string& rater, const std::string& list, const std::string& test = "t") {
  return {rater + ".json", R"({"test": ")" + test + R"(", "first": "A", "second": "B", "rater": ")" + rater +
                               R"(", "answers": )" + list + "}"};
}

TEST(ListeningTest, CountsAnswersOfAllRaters) {
  const std::vector<AnswerFile> files = {
      answers("ann", R"([{"clip": "1", "more_true_positives": "first", "fewer_false_positives": "draw"},
                         {"clip": "2", "more_true_positives": "first"}])"),
      answers("bob",
              R"([{"clip": "1", "more_true_positives": "second", "fewer_false_positives": "second"}])")};
  const ListeningTestCounts counts = count_answers(files);
  EXPECT_EQ(counts.raters, 2U);
  EXPECT_EQ(counts.first_name, "A");
  EXPECT_EQ(counts.questions.at(0).first, 2);
  EXPECT_EQ(counts.questions[0].second, 1);
  EXPECT_EQ(counts.questions[1].draw, 1);
  EXPECT_EQ(counts.questions[1].second, 1);
  EXPECT_EQ(counts.questions[1].p, 1);
  EXPECT_THAT(answers_text(counts), AllOf(HasSubstr("more_true_positives"), HasSubstr("2 (66.7 %)")));
  const Json json = Json::parse(answers_json(counts));
  EXPECT_EQ(json.at("more_true_positives").at("answers"), 3);
}

TEST(ListeningTest, RefusesWrongAnswers) {
  const auto complaint = [](const std::vector<AnswerFile>& files) -> std::string {
    try {
      count_answers(files);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(complaint({}), HasSubstr("found none"));
  EXPECT_THAT(complaint({{"a.json", "no"}}), HasSubstr("a.json: expected the JSON"));
  EXPECT_THAT(complaint({{"a.json", "[]"}}), HasSubstr("expected an object"));
  EXPECT_THAT(complaint({answers("ann", "5")}), HasSubstr("\"answers\": expected a list"));
  EXPECT_THAT(
      complaint({answers("ann", R"([{"clip": "1", "more_true_positives": "both"}])")}),
      HasSubstr("ann.json: answer 1: \"more_true_positives\": expected first, second or draw, found 'both'"));
  EXPECT_THAT(complaint({answers("ann", R"([{"clip": "1"}, {"clip": "1"}])")}),
              HasSubstr("a second one of 'ann'"));
  EXPECT_THAT(complaint({answers("ann", "[]"), answers("bob", "[]", "u")}),
              HasSubstr("as in the first file"));
}

}  // namespace
}  // namespace lpmc
