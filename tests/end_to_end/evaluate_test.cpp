// `lpmc evaluate`.

#include <array>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/end_to_end/lpmc_program.h"

namespace lpmc::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using Json = nlohmann::json;

/// A folder with two systems' files on the same clips.
class Evaluate : public ::testing::Test {
 protected:
  Evaluate() {
    write("a.json",
          R"([{"prediction": "a soft piano melody plays", "ground_truth": "a soft slow piano melody"},
                        {"prediction": "loud drums and guitar", "ground_truth": "loud drums with electric guitar"},
                        {"prediction": "a choir sings", "ground_truth": "a choir is singing in a church"}])");
    write("b.json", R"([{"prediction": "a slow piano melody", "ground_truth": "a soft slow piano melody"},
                        {"prediction": "drums", "ground_truth": "loud drums with electric guitar"},
                        {"prediction": "people sing", "ground_truth": "a choir is singing in a church"}])");
    write("train.csv",
          "ytid,caption,is_audioset_eval\r\n1,a soft piano,False\r\n2,loud drums,False\r\n"
          "3,a choir,False\r\n4,not read,True\r\n");
  }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
  }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  ProgramResult evaluate(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"evaluate", "--no-bertscore"});
    return lpmc(arguments);
  }

  TemporaryFolder folder_;
};

TEST_F(Evaluate, PrintsATableAndWritesResults) {
  const ProgramResult result =
      evaluate({path("a.json"), "--train-captions", path("train.csv"), "-o", path("results.json"), "--html",
                path("report.html"), "--clips", path("clips.csv"), "--confidence", "--replicas", "100"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("bleu1"), HasSubstr("left out: bertscore: --no-bertscore")));
  const Json json = Json::parse(read_file(folder_ / "results.json"));
  EXPECT_EQ(json.at("clips"), 3);
  EXPECT_EQ(json.at("settings").at("train_captions_read"), "3");
  EXPECT_EQ(json.at("caption_novelty"), 1.0);
  EXPECT_TRUE(json.at("intervals_95").contains("bleu1"));
  EXPECT_THAT(read_file(folder_ / "report.html"), HasSubstr("a soft piano melody plays"));
  EXPECT_THAT(read_file(folder_ / "clips.csv"), HasSubstr("loud drums and guitar"));
}

TEST_F(Evaluate, ComparesTwoSystems) {
  const ProgramResult result =
      evaluate({path("a.json"), "--against", path("b.json"), "--replicas", "100", "--format", "json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const Json against = Json::parse(result.out).at("against");
  EXPECT_EQ(against.at("clips").size(), 3U);
  EXPECT_THAT(evaluate({path("a.json"), path("b.json"), "--format", "latex"}).out, HasSubstr("b.json & "));
  EXPECT_THAT(evaluate({path("a.json"), "--against", path("b.json")}).out,
              HasSubstr("clips that differ most by"));
}

TEST_F(Evaluate, MakesAndCountsAListeningTest) {
  const ProgramResult page = evaluate({"--ab-test", path("a.json"), path("b.json"), "-o", path("test.html")});
  ASSERT_EQ(page.exit_code, 0) << page.err;
  EXPECT_THAT(read_file(folder_ / "test.html"), HasSubstr("more true positives"));
  EXPECT_THAT(evaluate({"--ab-test", path("a.json")}).out, HasSubstr("\"second\":\"references\""));
  write("answers.json", R"({"test": "t", "first": "A", "second": "B", "rater": "r",
                            "answers": [{"clip": "1", "more_true_positives": "first"}]})");
  const ProgramResult counts = evaluate({"--ab-answers", path("answers.json"), "--format", "json"});
  ASSERT_EQ(counts.exit_code, 0) << counts.err;
  EXPECT_EQ(Json::parse(counts.out).at("more_true_positives").at("first"), 1);
}

TEST_F(Evaluate, PagesLinkToAudioFromWhereTheyLie) {
  std::filesystem::create_directories(folder_ / "pages");
  std::filesystem::create_directories(folder_ / "clips");
  write("clips/x y.mp3", "sound");
  write("c.json", R"([{"prediction": "a", "ground_truth": "a", "audio_id": "x y"}])");
  ASSERT_EQ(evaluate({path("c.json"), "--audio", path("clips"), "--html", path("pages/r.html")}).exit_code,
            0);
  EXPECT_THAT(read_file(folder_ / "pages/r.html"), HasSubstr("src=\"../clips/x%20y.mp3\""));
  ASSERT_EQ(evaluate({"--ab-test", path("c.json"), "--audio", path("clips"), "--ab-link-audio", "-o",
                      path("pages/t.html")})
                .exit_code,
            0);
  EXPECT_THAT(read_file(folder_ / "pages/t.html"), HasSubstr("\"../clips/x%20y.mp3\""));
}

/// BERTScore with the small random RoBERTa, against the numbers that Hugging Face's own code gave.
class EvaluateBertScore : public Evaluate {
 protected:
  EvaluateBertScore() : expected_(Json::parse(read_file(model_ / "expected.json"))) {
    Json records = Json::array();
    for (const Json& pair : expected_.at("pairs"))
      records.push_back({{"prediction", pair.at("prediction")}, {"ground_truth", pair.at("references")}});
    write("pairs.json", records.dump());
    const Json& baseline = expected_.at("baseline");
    write("baseline.csv", fmt::format("LAYER,P,R,F\n0,0.1,0.1,0.1\n1,0.2,0.2,0.2\n2,{},{},{}\n",
                                      baseline[0].dump(), baseline[1].dump(), baseline[2].dump()));
  }

  /// bertscore_precision, bertscore_recall and bertscore against the means of expected triples.
  void expect_scores(const char* key, const std::vector<std::string>& options) const {
    std::vector<std::string> arguments{"evaluate",          path("pairs.json"), "--format",          "json",
                                       "--bertscore-model", model_.string(),    "--bertscore-layer", "2"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const ProgramResult result = lpmc(arguments);
    ASSERT_EQ(result.exit_code, 0) << result.err;
    const Json json = Json::parse(result.out);
    const std::array<const char*, 3> names{"bertscore_precision", "bertscore_recall", "bertscore"};
    for (std::size_t i = 0; i < names.size(); ++i) {
      double sum = 0;
      for (const Json& score : expected_.at(key))
        sum += score.at(i).get<double>();
      EXPECT_NEAR(json.at(names[i]).get<double>(), sum / static_cast<double>(expected_.at(key).size()), 1e-5)
          << key << ' ' << names[i];
    }
  }

  std::filesystem::path model_ = std::filesystem::path(LPMC_SOURCE_DIR) / "tests/data/roberta_small";
  Json expected_;
};

TEST_F(EvaluateBertScore, EqualsHuggingFace) {
  ASSERT_EQ(expected_.at("layer"), 2);
  expect_scores("scores", {});
  expect_scores("scores_idf", {"--bertscore-idf"});
  expect_scores("scores_rescaled", {"--bertscore-baseline", path("baseline.csv")});
}

TEST_F(Evaluate, SaysWhatIsWrong) {
  EXPECT_EQ(evaluate({}).exit_code, 2);
  EXPECT_EQ(evaluate({path("a.json"), path("b.json"), "-o", path("x.json")}).exit_code, 2);
  write("bad.json", "[{\"prediction\": \"a\",\n\"ground_truth\": NaN}]");
  const ProgramResult bad = evaluate({path("bad.json")});
  EXPECT_EQ(bad.exit_code, 3);
  EXPECT_THAT(bad.err, HasSubstr("bad.json: line 2, key 'ground_truth': expected JSON"));
  EXPECT_EQ(evaluate({path("none.json")}).exit_code, 3);
  EXPECT_EQ(evaluate({path("a.json"), "--wordnet", path("none")}).exit_code, 3);
  EXPECT_EQ(lpmc({"evaluate", path("a.json"), "--bertscore-model", path("none")}).exit_code, 3);
}

}  // namespace
}  // namespace lpmc::test
