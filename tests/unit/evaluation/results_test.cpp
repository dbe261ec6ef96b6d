// results.json, tables and the HTML report.

#include <fstream>
#include <limits>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "lpmc/base/error.h"
#include "lpmc/evaluation/html_parts.h"
#include "lpmc/evaluation/results_html.h"
#include "lpmc/evaluation/results_json.h"
#include "lpmc/evaluation/results_tables.h"

#include "tests/support/fixtures.h"

namespace lpmc {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::ordered_json;

const std::vector<ClipCaptions> kClips = {{"x", "a <b>soft</b> \"piano\", slow", {"a soft piano"}, ""},
                                          {"y", "loud drums", {"drums & bass", "loud drums"}, ""}};

Evaluation evaluation_of(std::span<const ClipCaptions> clips) {
  EvaluationParts parts;
  parts.train_captions.part = {"a", "b"};
  EvaluationOptions options;
  options.confidence = true;
  options.replicas = 50;
  return evaluate(clips, parts, options);
}

TEST(ResultsJson, BeginsWithTheOriginalsKeys) {
  const Evaluation evaluation = evaluation_of(kClips);
  const Json json = Json::parse(results_json({"a.json", kClips, &evaluation}, {{"file", "a.json"}}));
  std::vector<std::string> keys;
  for (const auto& item : json.items())
    keys.push_back(item.key());
  keys.resize(10);
  EXPECT_THAT(keys, ElementsAre("bleu1", "bleu2", "bleu3", "bleu4", "rougeL", "vocab_size", "vocab_novelty",
                                "caption_novelty", "length_avg", "length_std"));
  EXPECT_TRUE(json.at("vocab_size").is_number_integer());
  EXPECT_EQ(json.at("clips"), 2);
  EXPECT_EQ(json.at("settings").at("file"), "a.json");
  EXPECT_EQ(json.at("settings").at("replicas"), 50);
  for (const char* name : {"meteor_1.0", "bertscore"})
    EXPECT_TRUE(json.at("left_out").contains(name)) << name;
  for (const Metric& metric : evaluation.metrics)
    EXPECT_TRUE(json.at("definitions").contains(metric.name)) << metric.name;
  EXPECT_EQ(json.at("intervals_95").at("rougeL").size(), 2U);
  EXPECT_FALSE(json.contains("against"));
}

TEST(ResultsJson, HoldsAComparisonAndNoNan) {
  std::vector<ClipCaptions> others = kClips;
  others[0].prediction = "\xff";  // no UTF-8
  const Evaluation first = evaluation_of(kClips), second = evaluation_of(others);
  EvaluationComparison comparison = compare_evaluations(first, second);
  comparison.metrics[0].bootstrap.difference = std::numeric_limits<double>::quiet_NaN();
  const ComparedSystem compared{"b", others, &comparison};
  const Json json = Json::parse(results_json({"a", kClips, &first}, {}, &compared));
  const Json& against = json.at("against");
  EXPECT_EQ(against.at("second"), "b");
  EXPECT_TRUE(against.at("metrics")[0].at("difference").is_null());
  EXPECT_EQ(against.at("clips")[0].at("id"), "x");
  EXPECT_EQ(against.at("clips")[0].at("second").at("prediction"), "\uFFFD");
}

TEST(ResultsJson, ClipScoresAreARowAClip) {
  const Evaluation evaluation = evaluation_of(kClips);
  const std::string csv = clip_scores_csv(evaluation, kClips);
  EXPECT_THAT(csv, HasSubstr("clip,id,prediction,reference,rougeL,length_avg,"));
  EXPECT_THAT(csv, HasSubstr("1,x,\"a <b>soft</b> \"\"piano\"\", slow\",a soft piano,"));
  EXPECT_THAT(csv, HasSubstr("2,y,loud drums,drums & bass | loud drums,1,2,"));
}

TEST(ResultsTables, HaveAllFormats) {
  const Evaluation evaluation = evaluation_of(kClips);
  const std::vector<NamedEvaluation> systems = {{"a_1|x", &evaluation}, {"b", &evaluation}};
  const std::string text = results_table(systems, TableFormat::text);
  EXPECT_THAT(
      text, AllOf(HasSubstr("a_1|x (2 clips)"), HasSubstr("rougeL"), HasSubstr("left out: b: bertscore: ")));
  const std::string csv = results_table(systems, TableFormat::csv);
  EXPECT_THAT(csv, AllOf(HasSubstr("system,clips,bleu1,bleu2"), HasSubstr("\r\nb,2,")));
  const std::string markdown = results_table(systems, TableFormat::markdown);
  EXPECT_THAT(markdown, AllOf(HasSubstr("| System | B1 |"), HasSubstr("|---|---:|"),
                              HasSubstr("| a_1\\|x | "), HasSubstr(" | - | ")));
  const std::string latex = results_table(systems, TableFormat::latex);
  EXPECT_THAT(latex, AllOf(HasSubstr("System & B1 & "), HasSubstr("\\hline"), HasSubstr("a\\_1|x & "),
                           HasSubstr(" \\\\\n")));
  EXPECT_EQ(parse_table_format("latex"), TableFormat::latex);
  EXPECT_THROW(parse_table_format("word"), Error);
}

TEST(ResultsTables, ShowAComparison) {
  std::vector<ClipCaptions> others = kClips;
  others[1].prediction = "nothing alike";
  const Evaluation first = evaluation_of(kClips), second = evaluation_of(others);
  const EvaluationComparison comparison = compare_evaluations(first, second);
  const std::string text = comparison_table(comparison, kClips, others, TableFormat::text);
  EXPECT_THAT(text, AllOf(HasSubstr("p (t-test)"), HasSubstr("clips that differ most by rougeL:\n\n2  y"),
                          HasSubstr("nothing alike")));
  EXPECT_THAT(comparison_table(comparison, kClips, others, TableFormat::csv),
              HasSubstr("number,first,second,"));
}

TEST(ResultsHtml, EscapesTextsAndNeedsNothingFromOutside) {
  const test::TemporaryFolder folder;
  std::ofstream(folder / "x.wav") << "RIFF";
  const Evaluation evaluation = evaluation_of(kClips);
  const EvaluationComparison comparison = compare_evaluations(evaluation, evaluation);
  const ComparedSystem compared{"<other>", kClips, &comparison};
  HtmlReportOptions options;
  options.audio = folder.path();
  const std::string html = results_html({"<name>", kClips, &evaluation}, options, &compared);
  EXPECT_THAT(html, AllOf(HasSubstr("a &lt;b&gt;soft&lt;/b&gt; &quot;piano&quot;, slow"), HasSubstr("<svg"),
                          HasSubstr("&lt;name&gt;"), HasSubstr("Against &lt;other&gt;"),
                          HasSubstr("x.wav\"></audio>"), Not(HasSubstr("<script")), Not(HasSubstr("http://")),
                          Not(HasSubstr("https://"))));
}

TEST(HtmlParts, EscapeAndFindAudio) {
  EXPECT_EQ(escape_html("<a href='x'>&\x01\xff"), "&lt;a href=&#39;x&#39;&gt;&amp; \uFFFD");
  EXPECT_EQ(escape_script_json("\"</script>\""), "\"\\u003c/script>\"");
  EXPECT_EQ(audio_link("/a b/\u00e9.mp3", "/"), "a%20b/%C3%A9.mp3");
  EXPECT_EQ(audio_link("/data/clips/1:2.mp3", "/data/reports/one"), "../../clips/1%3A2.mp3");
  EXPECT_EQ(audio_link("clips/1.mp3", ""), "clips/1.mp3");
  EXPECT_EQ(audio_link("clips/1.mp3", "pages"), "../clips/1.mp3");
  EXPECT_EQ(histogram_figure({}, 3, "none"), "");
  EXPECT_THAT(histogram_figure(std::vector<double>{1, 1}, 3, "same"), HasSubstr("<rect"));
  const test::TemporaryFolder folder;
  std::ofstream(folder / "x.mp3") << "abcd";
  EXPECT_EQ(find_audio({"x", "", {}, ""}, folder.path()), folder / "x.mp3");
  EXPECT_EQ(find_audio({"", "", {}, "x.mp3"}, folder.path()), folder / "x.mp3");
  EXPECT_EQ(find_audio({"y", "", {}, ""}, folder.path()), "");
  EXPECT_EQ(find_audio({"../x", "", {}, ""}, folder.path()), "");
  EXPECT_EQ(audio_data_url(folder / "x.mp3"), "data:audio/mpeg;base64,YWJjZA==");
}

}  // namespace
}  // namespace lpmc
