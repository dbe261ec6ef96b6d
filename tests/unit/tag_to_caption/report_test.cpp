#include "lpmc/tag_to_caption/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "lpmc/tag_to_caption/report_plots.h"

#include "tests/unit/tag_to_caption/stored_captions.h"

namespace lpmc {
namespace {

using test::stored;
using test::unfinished;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

StoredCaption judged(const std::string& id, const std::string& caption, const std::string& report) {
  StoredCaption item = stored(id, "writing", caption);
  item.result.validation = report;
  return item;
}

RunFigures figures_of(const std::vector<StoredCaption>& items, double near_duplicate = 0) {
  FigureBuilder builder(near_duplicate);
  for (const StoredCaption& item : items)
    builder.add(item);
  return builder.finish();
}

std::vector<StoredCaption> jobs() {
  return {
      judged("a", "A sad <b>song</b>.", R"({"coverage":1,"missing":[],"flaws":[]})"),
      unfinished("a", "summary", JobState::failed, "HTTP 400: <script>alert(1)</script>"),
      judged("b", "Drums.",
             R"({"coverage":0.3,"missing":["sad","slow"],"added":["drums"],"contradictions":[],)"
             R"("flaws":["missing_tags","too_short"]})"),
      unfinished("b", "summary", JobState::dropped),
      judged("c", "Drums.", R"({"coverage":0.0,"missing":["sad"],"flaws":["missing_tags"]})"),
      unfinished("c", "summary", JobState::waiting),
      judged("d", "One two three four five six.", ""),
      unfinished("d", "summary", JobState::taken),
  };
}

TEST(Report, CountsByTask) {
  const RunFigures figures = figures_of(jobs());
  EXPECT_EQ(figures.records, 4U);
  ASSERT_EQ(figures.tasks.size(), 2U);
  const TaskFigures& writing = figures.tasks[0];
  EXPECT_EQ(writing.prompt_id, "writing");
  EXPECT_EQ(writing.done, 4U);
  EXPECT_EQ(writing.jobs(), 4U);
  EXPECT_EQ(writing.validated, 3U);
  EXPECT_EQ(writing.flawless, 1U);
  EXPECT_DOUBLE_EQ(writing.coverage_mean(), 1.3 / 3);
  EXPECT_THAT(writing.coverage, ElementsAre(1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1));
  EXPECT_EQ(writing.repeated, 1U);
  EXPECT_EQ(writing.shortest, 1U);
  EXPECT_EQ(writing.longest, 6U);
  EXPECT_EQ(writing.lengths[0], 2U);  // "A sad b song b" has five words
  EXPECT_EQ(writing.lengths[1], 2U);
  EXPECT_EQ(writing.vocabulary, 4U + 1U + 6U);
  EXPECT_THAT(writing.flaws.top(5), ElementsAre(Pair("missing_tags", 2), Pair("too_short", 1)));
  EXPECT_THAT(writing.missing.top(1), ElementsAre(Pair("sad", 2)));
  EXPECT_THAT(writing.models.top(5), ElementsAre(Pair("model-1", 4)));
  EXPECT_EQ(writing.prompt_tokens, 160);
  EXPECT_EQ(writing.examples.at("missing_tags").size(), 2U);
  EXPECT_EQ(writing.examples.at("missing_tags")[0].detail, "sad, slow");
  const TaskFigures& summary = figures.tasks[1];
  EXPECT_EQ(summary.done + summary.repeated, 0U);
  EXPECT_EQ(summary.failed, 1U);
  EXPECT_EQ(summary.dropped, 1U);
  EXPECT_EQ(summary.waiting, 1U);
  EXPECT_EQ(summary.taken, 1U);
  EXPECT_THAT(summary.errors.top(5),
              ElementsAre(Pair("(no reason noted)", 1), Pair("HTTP 400: <script>alert(1)</script>", 1)));
}

TEST(Report, CountsNearDuplicatesOnRequest) {
  const std::string caption =
      "A slow and sad ballad with soft female vocals, mellow piano, sustained strings, and a gentle acoustic "
      "guitar "
      "that plays a simple melody over a quiet drum beat in a large room with much reverb";
  const std::vector<StoredCaption> items = {
      stored("a", "writing", caption + "."), stored("b", "writing", caption + "!"),
      stored("c", "writing", caption + " today."),
      stored("d", "writing", "Something else entirely, loud and fast.")};
  EXPECT_EQ(figures_of(items).tasks[0].near, 0U);
  const TaskFigures task = figures_of(items, 0.8).tasks[0];
  EXPECT_GE(task.near, 1U);
  EXPECT_LE(task.near, 2U);  // "." and "!" may count as equal
}

TEST(Report, StandsDamagedValidation) {
  for (const std::string& report :
       {std::string("not JSON"), std::string("[1]"),
        std::string(R"({"coverage":"x","flaws":7,"missing":[1]})"),
        std::string(R"({"coverage":1e9,"flaws":[]})"), std::string(R"({"coverage":-5})")}) {
    const RunFigures figures = figures_of({judged("a", "text", report)});
    EXPECT_EQ(figures.tasks[0].done, 1U);
    EXPECT_TRUE(figures.tasks[0].flaws.empty());
    EXPECT_LE(figures.tasks[0].coverage_mean(), 1.0);
    EXPECT_GE(figures.tasks[0].coverage_mean(), 0.0);
  }
}

TEST(Report, StatusTells) {
  const RunFigures figures = figures_of(jobs());
  EXPECT_THAT(
      status_text(figures),
      AllOf(HasSubstr("4 records (train 4)\n"), HasSubstr("writing: 4 done, 0 failed, 0 dropped, 0 to do\n"),
            HasSubstr("summary: 0 done, 1 failed, 1 dropped, 2 to do\n"), HasSubstr("43.3 % of the tags"),
            HasSubstr("flawless    1 of 3\n"), HasSubstr("missing_tags 2, too_short 1")));
  const auto json = nlohmann::json::parse(status_json(figures));
  EXPECT_EQ(json["tasks"][0]["coverage_histogram"][10], 1);
  EXPECT_EQ(json["tasks"][1]["failed"], 1);
  EXPECT_EQ(status_text({}), "0 records\n");
}

TEST(Report, PageIsWholeAndInert) {
  const ReportTitle title{.dataset = "a<b>&\"", .totals = {}, .tool_version = "0.1.0"};
  const std::string page = html_report(figures_of(jobs()), title);
  EXPECT_THAT(page,
              AllOf(HasSubstr("<!DOCTYPE html>"), HasSubstr("a&lt;b&gt;&amp;&quot;"), HasSubstr("<svg "),
                    HasSubstr("missing_tags: sad, slow"), HasSubstr("&lt;script&gt;alert(1)")));
  EXPECT_THAT(page, AllOf(Not(HasSubstr("<script")), Not(HasSubstr("http:")), Not(HasSubstr("https:")),
                          Not(HasSubstr("<b>song")), Not(HasSubstr("src="))));
  EXPECT_EQ(page, html_report(figures_of(jobs()), title));
  EXPECT_THAT(html_report({}, {}), HasSubstr("</html>"));
}

TEST(Report, HtmlTextIsInert) {
  EXPECT_EQ(html_text("<a href='x'>&\"\x01\xFF\n"), "&lt;a href=&#39;x&#39;&gt;&amp;&quot; \uFFFD ");
}

TEST(Report, TextCountsAreBounded) {
  TextCounts counts;
  for (std::size_t i = 0; i < TextCounts::kMaxTexts + 50; ++i)
    counts.add("text " + std::to_string(i));
  EXPECT_EQ(counts.total(), TextCounts::kMaxTexts + 50);
  EXPECT_EQ(counts.counts().size(), TextCounts::kMaxTexts + 1);
  EXPECT_THAT(counts.top(1), ElementsAre(Pair("(others)", 50)));
}

}  // namespace
}  // namespace lpmc
