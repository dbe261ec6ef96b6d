#include "lpmc/evaluation/caption_files.h"

#include <fstream>

#include <gmock/gmock.h>

#include "lpmc/base/error.h"
#include "lpmc/evaluation/csv_table.h"

#include "tests/support/fixtures.h"

namespace lpmc {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// What parse_captions() says of a bad text.
std::string complaint(std::string_view text, std::string_view name = "captions.json") {
  try {
    parse_captions(text, name);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::corrupt);
    return error.what();
  }
  return "nothing was wrong";
}

TEST(CaptionFiles, ReadsTheOriginalsList) {
  const auto clips = parse_captions(
      R"([{"prediction": "a", "ground_truth": "b"}, {"prediction": "", "ground_truth": "d é \ud83d\ude00"}])",
      "x");
  ASSERT_EQ(clips.size(), 2U);
  EXPECT_EQ(clips[0].prediction, "a");
  EXPECT_THAT(clips[0].references, ElementsAre("b"));
  EXPECT_EQ(clips[0].id, "");
  EXPECT_EQ(clips[1].prediction, "");
  EXPECT_THAT(clips[1].references, ElementsAre("d \u00e9 \U0001F600"));
}

TEST(CaptionFiles, ReadsTheOriginalsMapInItsOrder) {
  const auto clips = parse_captions(
      R"({"1": {"predictions": ["a"], "true_captions": ["b", "c"], "audio_id": "z.wav"},
          "0": {"predictions": "d", "true_captions": "e", "audio": "e.mp3"}})",
      "x");
  ASSERT_EQ(clips.size(), 2U);
  EXPECT_EQ(clips[0].id, "z.wav");
  EXPECT_THAT(clips[0].references, ElementsAre("b", "c"));
  EXPECT_EQ(clips[1].id, "0");
  EXPECT_EQ(clips[1].audio, "e.mp3");
}

TEST(CaptionFiles, ReadsListsSideBySide) {
  const auto clips = parse_captions(
      R"({"predictions": ["a", "b"], "true_captions": ["c", ["d", "e"]], "audio_id": [7, "8"]})", "x");
  ASSERT_EQ(clips.size(), 2U);
  EXPECT_EQ(clips[0].id, "7");
  EXPECT_THAT(clips[1].references, ElementsAre("d", "e"));
}

TEST(CaptionFiles, ReadsJsonLines) {
  const auto clips = parse_captions(
      "\xef\xbb\xbf{\"id\": \"x\", \"prediction\": \"a\", \"references\": [\"b\"]}\r\n\r\n"
      "{\"id\": \"y\", \"prediction\": \"c\", \"reference\": \"d\"}\n",
      "x");
  ASSERT_EQ(clips.size(), 2U);
  EXPECT_EQ(clips[1].id, "y");
  EXPECT_EQ(parse_captions(R"({"prediction": "a", "ground_truth": "b"})", "x").size(), 1U);
}

TEST(CaptionFiles, ReadsCsvWithSeveralReferences) {
  const auto clips =
      parse_captions("id,prediction,reference_1,reference_2\r\nx,\"a, \"\"b\"\"\nc\",d,e\r\ny,f,g,\r\n", "x");
  ASSERT_EQ(clips.size(), 2U);
  EXPECT_EQ(clips[0].prediction, "a, \"b\"\nc");
  EXPECT_THAT(clips[0].references, ElementsAre("d", "e"));
  EXPECT_THAT(clips[1].references, ElementsAre("g"));
}

TEST(CaptionFiles, NamesFileLineAndKeyOfWhatIsWrong) {
  EXPECT_THAT(complaint(""),
              HasSubstr("captions.json: expected captions as JSON, JSONL or CSV, found an empty"));
  EXPECT_THAT(complaint(" \n "), HasSubstr("empty"));
  EXPECT_THAT(complaint("hello"),
              HasSubstr("line 1: expected JSON, JSONL or CSV with a header, found 'hello'"));
  EXPECT_THAT(complaint("[]"), HasSubstr("expected at least one prediction, found none"));
  EXPECT_THAT(complaint("[\n {\"prediction\": \"a\",\n \"ground_truth\": NaN}]"),
              AllOf(HasSubstr("captions.json: line 3, key 'ground_truth': expected JSON"),
                    HasSubstr("invalid literal")));
  EXPECT_THAT(complaint("[{\"prediction\": \"\xff\", \"ground_truth\": \"b\"}]"),
              AllOf(HasSubstr("line 1, key 'prediction'"), HasSubstr("UTF-8")));
  EXPECT_THAT(complaint("[{\"prediction\": \"a\"},\n{\"prediction\": \"b\", \"ground_truth\": \"c\"}]"),
              HasSubstr("entry 1 (line 1): expected the key \"ground_truth\""));
  EXPECT_THAT(complaint("[{\"prediction\": \"b\", \"ground_truth\": \"c\"},\n\n{\"ground_truth\": \"c\"}]"),
              HasSubstr("entry 2 (line 3): expected the key \"prediction\" or \"predictions\", found "
                        "\"ground_truth\""));
  EXPECT_THAT(complaint(R"([{"prediction": null, "ground_truth": "c"}])"),
              HasSubstr("entry 1 (line 1): \"prediction\": expected a string, found null"));
  EXPECT_THAT(complaint(R"([{"prediction": "a", "references": []}])"), HasSubstr("found an empty list"));
  EXPECT_THAT(complaint(R"({"predictions": ["a", "b"], "true_captions": ["c"]})"),
              HasSubstr("\"true_captions\": expected a list of 2 as \"predictions\" is, found 1"));
  EXPECT_THAT(complaint("[1, 2]"), HasSubstr("entry 1 (line 1): expected an object"));
  EXPECT_THAT(
      complaint("{\"prediction\": \"a\", \"ground_truth\": \"b\"}\n{\"prediction\": 5, \"ground_truth\": "
                "\"b\"}\n"),
      HasSubstr("line 2: \"prediction\": expected a string, found a number"));
}

TEST(CaptionFiles, RefusesAnIdOrKeyTwice) {
  EXPECT_THAT(complaint("{\"id\": \"x\", \"prediction\": \"a\", \"ground_truth\": \"b\"}\n"
                        "{\"id\": \"x\", \"prediction\": \"a\", \"ground_truth\": \"b\"}\n"),
              HasSubstr("line 2: expected an id of its own, found 'x', which line 1 has"));
  EXPECT_THAT(complaint("{\"0\": {\"predictions\": \"a\", \"true_captions\": \"b\"},\n"
                        "\"0\": {\"predictions\": \"a\", \"true_captions\": \"b\"}}"),
              HasSubstr("line 2: expected keys that differ, found '0' a second time"));
  EXPECT_THAT(complaint("prediction,prediction\na,b\n", "x.csv"),
              HasSubstr("found 'prediction' a second time"));
}

TEST(CaptionFiles, RefusesUnevenCsv) {
  EXPECT_THAT(complaint("prediction,ground_truth\na,b\nc\n", "x.csv"),
              HasSubstr("x.csv: line 3: expected 2 fields as in the header, found 1"));
  EXPECT_THAT(complaint("prediction,ground_truth\na,\"b\n", "x.csv"),
              HasSubstr("line 2: expected a closing quote"));
  EXPECT_THAT(complaint("prediction,ground_truth\na,\"b\"c\n", "x.csv"), HasSubstr("after a quoted field"));
  EXPECT_THAT(complaint("prediction,ground_truth\na,\xff\n", "x.csv"),
              HasSubstr("line 2, field 2: expected UTF-8"));
}

TEST(CaptionFiles, ReadsFilesAndSaysWhichIsMissing) {
  const test::TemporaryFolder folder;
  std::ofstream(folder / "a.json") << R"([{"prediction": "a", "ground_truth": "b"}])";
  EXPECT_EQ(read_captions(folder / "a.json").size(), 1U);
  EXPECT_THROW(read_captions(folder.path()), Error);
  try {
    read_captions(folder / "none.json");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::not_found);
    EXPECT_THAT(error.what(), HasSubstr("none.json"));
  }
}

TEST(CaptionFiles, MatchesClipsByIdOrByPlace) {
  const std::vector<ClipCaptions> clips = {{"x", "1", {"r"}, ""}, {"y", "2", {"s"}, ""}};
  const auto matched = match_clips(clips, {{"y", "3", {"s"}, ""}, {"x", "4", {"r"}, ""}}, "a", "b");
  EXPECT_EQ(matched[0].prediction, "4");
  EXPECT_THROW(match_clips(clips, {{"y", "3", {"s"}, ""}, {"z", "4", {"r"}, ""}}, "a", "b"), Error);
  EXPECT_THROW(match_clips(clips, {{"y", "3", {"s"}, ""}}, "a", "b"), Error);
  EXPECT_EQ(match_clips(clips, {{"", "3", {"r"}, ""}, {"", "4", {"s"}, ""}}, "a", "b")[0].prediction, "3");
  try {
    match_clips(clips, {{"", "3", {"r"}, ""}, {"", "4", {"other"}, ""}}, "a", "b");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("b: clip 2: expected the references that a has there"));
  }
}

TEST(CsvTable, FieldsComeBackAsTheyWere) {
  const std::vector<std::string> fields = {"a", "", "b,c", "\"", "d\r\ne", " f "};
  std::string text;
  for (const std::string& field : fields)
    text += (text.empty() ? "" : ",") + csv_field(field);
  EXPECT_EQ(parse_csv(text + "\n", "x").at(0).fields, fields);
}

}  // namespace
}  // namespace lpmc
