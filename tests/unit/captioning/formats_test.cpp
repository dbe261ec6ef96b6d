#include "lpmc/captioning/formats.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/unit/captioning/caption_samples.h"

namespace lpmc {
namespace {

using nlohmann::json;
using test::failed_captions;
using test::sample_captions;
using test::silence;
using test::spoken;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr CaptionFormat kAllFormats[] = {CaptionFormat::text, CaptionFormat::json,    CaptionFormat::jsonl,
                                         CaptionFormat::csv,  CaptionFormat::srt,     CaptionFormat::vtt,
                                         CaptionFormat::lrc,  CaptionFormat::original};

FileCaptions one_segment(std::string text) {
  FileCaptions captions;
  captions.file = "x.wav";
  captions.segments = {spoken(0, 10, std::move(text))};
  return captions;
}

std::string stream_of(CaptionFormat format, FormatOptions options, const std::vector<FileCaptions>& files) {
  CaptionStream stream(format, options);
  std::string all = stream.begin();
  for (const FileCaptions& file : files)
    all += stream.add(file);
  return all + stream.end();
}

TEST(Formats, NamesGoBothWays) {
  for (const CaptionFormat format : kAllFormats) {
    if (format == CaptionFormat::original) continue;
    EXPECT_EQ(parse_caption_format(to_string(format)), format);
    EXPECT_EQ(caption_format_of_extension(extension_of(format)), format);
  }
  EXPECT_EQ(caption_format_of_extension(".SRT"), CaptionFormat::srt);
  EXPECT_EQ(caption_format_of_extension("wav"), std::nullopt);
  EXPECT_EQ(caption_format_of_extension(""), std::nullopt);
  try {
    parse_caption_format("xml\n");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::invalid_argument);
    EXPECT_STREQ(error.what(),
                 "format: expected one of text, json, jsonl, csv, srt, vtt, lrc, found 'xml\\n'");
  }
}

TEST(Formats, Text) {
  EXPECT_EQ(caption_document(sample_captions(), CaptionFormat::text, {}),
            "[0:00-0:10] A calm piano.\n"
            "[0:10-0:20] (silence)\n"
            "[0:20-0:30] Drums & \"bass\", loud.\n"
            "[0:30-0:32.8] A fade.\n");
  EXPECT_THAT(caption_document(sample_captions(), CaptionFormat::text, {.track = true}),
              ::testing::EndsWith("A fade.\n[track] A calm piano.\n"));
}

TEST(Formats, TextOfSeveralFilesHasHeaders) {
  FileCaptions odd = one_segment("x");
  odd.file = "a\nb.wav";
  EXPECT_EQ(
      stream_of(CaptionFormat::text, {.several_files = true}, {failed_captions(), one_segment("y"), odd}),
      "==> x.wav <==\n[0:00-0:10] y\n\n==> a\\nb.wav <==\n[0:00-0:10] x\n");
}

TEST(Formats, TextShowsCandidates) {
  FileCaptions captions = one_segment("first");
  captions.segments[0].candidates.push_back({"second", -0.75, {}});
  EXPECT_EQ(caption_document(captions, CaptionFormat::text, {.candidates = true}),
            "[0:00-0:10] (-0.500000) first\n[0:00-0:10] (-0.750000) second\n");
  EXPECT_EQ(caption_document(captions, CaptionFormat::text, {}), "[0:00-0:10] first\n");
}

TEST(Formats, TokensStandInForAMissingText) {
  const FileCaptions captions = one_segment("");
  EXPECT_EQ(caption_document(captions, CaptionFormat::text, {}), "[0:00-0:10] 2 0 7 2\n");
  EXPECT_THAT(caption_document(captions, CaptionFormat::srt, {}), HasSubstr("\n2 0 7 2\n"));
  EXPECT_EQ(json::parse(caption_document(captions, CaptionFormat::json, {}))["segments"][0]["text"], "");
}

TEST(Formats, TextCannotBreakATerminalOrALine) {
  EXPECT_EQ(caption_document(one_segment("a\n[0:10-0:20] forged\x1b]0;t\x07"), CaptionFormat::text, {}),
            "[0:00-0:10] a [0:10-0:20] forged\uFFFD]0;t\uFFFD\n");
}

TEST(Formats, JsonIsExactlyTheContract) {
  FileCaptions captions = sample_captions();
  captions.warnings = {"two channels of four were silent"};
  EXPECT_EQ(caption_document(captions, CaptionFormat::json, {.track = true}),
            R"({
  "file": "song.mp3",
  "duration_s": 32.75,
  "model": "default",
  "segments": [
    {"start_s":0.0,"end_s":10.0,"time":"0:00-0:10","text":"A calm piano.","score":-0.123457,"silent":false},
    {"start_s":10.0,"end_s":20.0,"time":"0:10-0:20","text":"","score":null,"silent":true},
    {"start_s":20.0,"end_s":30.0,"time":"0:20-0:30","text":"Drums & \"bass\", loud.","score":-1.0,"silent":false},
    {"start_s":30.0,"end_s":32.75,"time":"0:30-0:32.8","text":"A fade.","score":-2.0,"silent":false}
  ],
  "track_caption": "A calm piano.",
  "warnings": ["two channels of four were silent"]
}
)");
}

TEST(Formats, JsonlIsTheSameObjectOnOneLine) {
  const FormatOptions options{.candidates = true, .tokens = true, .track = true, .several_files = true};
  const std::string lines = stream_of(CaptionFormat::jsonl, options, {sample_captions(), failed_captions()});
  const std::size_t end = lines.find('\n');
  ASSERT_EQ(lines.find('\n', end + 1), lines.size() - 1);
  EXPECT_EQ(json::parse(lines.substr(0, end)),
            json::parse(caption_document(sample_captions(), CaptionFormat::json, options)));
  EXPECT_EQ(lines.substr(end + 1),
            R"({"file":"broken.mp3","error":{"kind":"corrupt","message":"broken.mp3: no audio"}})"
            "\n");
}

TEST(Formats, JsonTokensAndCandidates) {
  const json silent_and_spoken = json::parse(
      caption_document(sample_captions(), CaptionFormat::json, {.candidates = true, .tokens = true}));
  const json& first = silent_and_spoken["segments"][0];
  EXPECT_EQ(first["tokens"], json({2, 0, 7, 2}));
  EXPECT_EQ(first["candidates"],
            json::parse(R"([{"text":"A calm piano.","score":-0.123457,"tokens":[2,0,7,2]}])"));
  EXPECT_EQ(silent_and_spoken["segments"][1]["tokens"], json::array());
  EXPECT_EQ(silent_and_spoken["segments"][1]["candidates"], json::array());
  EXPECT_FALSE(silent_and_spoken.contains("track_caption"));
}

TEST(Formats, JsonOfSeveralFilesIsAnArray) {
  const FormatOptions several{.several_files = true};
  const json array =
      json::parse(stream_of(CaptionFormat::json, several, {sample_captions(), failed_captions()}));
  ASSERT_EQ(array.size(), 2U);
  EXPECT_EQ(array[0]["file"], "song.mp3");
  EXPECT_EQ(array[1]["error"]["kind"], "corrupt");
  EXPECT_EQ(json::parse(stream_of(CaptionFormat::json, several, {})), json::array());
  EXPECT_EQ(json::parse(stream_of(CaptionFormat::json, several, {failed_captions()})).size(), 1U);
  EXPECT_TRUE(json::parse(stream_of(CaptionFormat::json, {}, {failed_captions()})).is_object());
}

TEST(Formats, JsonTakesAnyFileNameAndNumber) {
  FileCaptions captions = one_segment("caf\xE9\x1b");
  captions.file = "a\"b\n$(x)\xFF%.mp3";
  captions.segments[0].candidates[0].score = -std::numeric_limits<double>::infinity();
  captions.duration_s = std::numeric_limits<double>::quiet_NaN();
  const json object = json::parse(caption_document(captions, CaptionFormat::json, {}));
  EXPECT_EQ(object["file"], "a\"b\n$(x)\uFFFD%.mp3");
  EXPECT_EQ(object["file_raw"], "a\"b%0A$(x)%FF%25.mp3");
  EXPECT_EQ(object["segments"][0]["text"], "caf\uFFFD\x1b");
  EXPECT_TRUE(object["segments"][0]["score"].is_null());
  EXPECT_EQ(object["duration_s"], 0);
  captions.file = "-x é.mp3";
  EXPECT_FALSE(json::parse(caption_document(captions, CaptionFormat::json, {})).contains("file_raw"));
}

TEST(Formats, Csv) {
  FileCaptions captions = sample_captions();
  captions.file = "a \"b\",\nc.mp3";
  EXPECT_EQ(caption_document(captions, CaptionFormat::csv, {}),
            "file,start_s,end_s,time,text,score,silent\n"
            "\"a \"\"b\"\",\nc.mp3\",0,10,0:00-0:10,A calm piano.,-0.123457,false\n"
            "\"a \"\"b\"\",\nc.mp3\",10,20,0:10-0:20,,,true\n"
            "\"a \"\"b\"\",\nc.mp3\",20,30,0:20-0:30,\"Drums & \"\"bass\"\", loud.\",-1.000000,false\n"
            "\"a \"\"b\"\",\nc.mp3\",30,32.75,0:30-0:32.8,A fade.,-2.000000,false\n");
}

TEST(Formats, CsvOfSeveralFilesHasOneHeaderAndAllColumns) {
  FileCaptions captions = one_segment("first");
  captions.segments[0].candidates.push_back({"second", -0.75, {2, 9}});
  captions.segments.push_back(silence(10, 20));
  captions.track_caption = "all, in all";
  const FormatOptions options{.candidates = true, .tokens = true, .track = true, .several_files = true};
  EXPECT_EQ(stream_of(CaptionFormat::csv, options, {failed_captions(), captions, one_segment("y")}),
            "file,start_s,end_s,time,text,score,silent,rank,tokens,track_caption\n"
            "x.wav,0,10,0:00-0:10,first,-0.500000,false,1,2 0 7 2,\"all, in all\"\n"
            "x.wav,0,10,0:00-0:10,second,-0.750000,false,2,2 9,\"all, in all\"\n"
            "x.wav,10,20,0:10-0:20,,,true,,,\"all, in all\"\n"
            "x.wav,0,10,0:00-0:10,y,-0.500000,false,1,2 0 7 2,\n");
}

TEST(Formats, Srt) {
  EXPECT_EQ(caption_document(sample_captions(), CaptionFormat::srt, {}),
            "1\n00:00:00,000 --> 00:00:10,000\nA calm piano.\n\n"
            "2\n00:00:20,000 --> 00:00:30,000\nDrums & \"bass\", loud.\n\n"
            "3\n00:00:30,000 --> 00:00:32,750\nA fade.\n\n");
}

TEST(Formats, SubtitlesCannotBeForged) {
  const FileCaptions captions = one_segment("a\n\n2\n00:00:01,000 --> 00:00:02,000\nb ----> <i>&c");
  EXPECT_EQ(caption_document(captions, CaptionFormat::srt, {}),
            "1\n00:00:00,000 --> 00:00:10,000\na 2 00:00:01,000 - -> 00:00:02,000 b --- -> <i>&c\n\n");
  EXPECT_EQ(caption_document(captions, CaptionFormat::vtt, {}),
            "WEBVTT\n\nNOTE x.wav\n\n00:00:00.000 --> 00:00:10.000\n"
            "a 2 00:00:01,000 --&gt; 00:00:02,000 b ----&gt; &lt;i&gt;&amp;c\n\n");
}

TEST(Formats, VttNoteTakesAnyFileName) {
  FileCaptions captions;
  captions.file = "a --> b\n\n00:00.000 -->\xFF.mp3";
  EXPECT_EQ(caption_document(captions, CaptionFormat::vtt, {}),
            "WEBVTT\n\nNOTE a - -> b\\n\\n00:00.000 - ->\uFFFD.mp3\n\n");
}

TEST(Formats, SubtitlesMayOverlapAndNeverEndBeforeTheyStart) {
  FileCaptions captions;
  captions.segments = {spoken(0, 10, "a"), spoken(5, 15, "b"), spoken(20, 20, "c")};
  const std::string vtt = caption_document(captions, CaptionFormat::vtt, {});
  EXPECT_THAT(vtt, HasSubstr("00:00:05.000 --> 00:00:15.000\nb"));
  EXPECT_THAT(vtt, HasSubstr("00:00:20.000 --> 00:00:20.001\nc"));
}

TEST(Formats, LrcEndsALineWhereSilenceFollows) {
  EXPECT_EQ(caption_document(sample_captions(), CaptionFormat::lrc, {}),
            "[00:00.00]A calm piano.\n[00:10.00]\n"
            "[00:20.00]Drums & \"bass\", loud.\n[00:30.00]A fade.\n[00:32.75]\n");
  FileCaptions captions;
  captions.segments = {spoken(5990, 6000, "[00:01.00]a"), spoken(5995, 6005, "b")};  // overlapping
  EXPECT_EQ(caption_document(captions, CaptionFormat::lrc, {}),
            "[99:50.00](00:01.00)a\n[99:55.00]b\n[100:05.00]\n");
}

// Source: lp-music-caps captioning.py prints dicts of Python; a chunk's number times ten stands
// where the minutes belong.
TEST(Formats, OriginalPrintsPythonDicts) {
  FileCaptions captions;
  captions.segments = {spoken(0, 10, "It's slow."), spoken(10, 20, "A \"loud\" it's.")};
  EXPECT_EQ(caption_document(captions, CaptionFormat::original, {}),
            "{'text': \"It's slow.\", 'time': '0:00-10:00'}\n"
            "{'text': 'A \"loud\" it\\'s.', 'time': '10:00-20:00'}\n");
}

TEST(Formats, AllTakeNoSegmentsSilenceAndFailure) {
  FileCaptions nothing;
  nothing.file = "x.wav";
  FileCaptions silent = nothing;
  silent.segments = {silence(0, 10)};
  for (const CaptionFormat format : kAllFormats) {
    SCOPED_TRACE(to_string(format));
    for (const FileCaptions& captions : {nothing, silent, failed_captions()}) {
      const std::string document = caption_document(captions, format, {.track = true});
      EXPECT_TRUE(document.empty() || document.back() == '\n');
      EXPECT_EQ(stream_of(format, {.track = true}, {captions}).empty(),
                captions.failure ? format != CaptionFormat::json && format != CaptionFormat::jsonl &&
                                       format != CaptionFormat::csv
                                 : document.empty());
    }
    EXPECT_THAT(caption_document(silent, format, {}), Not(HasSubstr("-->")));
  }
  EXPECT_EQ(caption_document(nothing, CaptionFormat::jsonl, {.track = true}),
            R"({"file":"x.wav","duration_s":0.0,"model":"","segments":[],"track_caption":"","warnings":[]})"
            "\n");
}

TEST(Formats, SeveralFilesCannotShareASubtitleStream) {
  for (const CaptionFormat format : kAllFormats) {
    SCOPED_TRACE(to_string(format));
    if (format_is_per_file(format)) {
      EXPECT_THROW(CaptionStream(format, {.several_files = true}), Error);
    } else {
      EXPECT_NO_THROW(stream_of(format, {.several_files = true}, {sample_captions(), sample_captions()}));
    }
    const bool one_only = format_is_per_file(format) || format == CaptionFormat::json;
    CaptionStream stream(format, {});
    stream.add(sample_captions());
    if (one_only) {
      EXPECT_THROW(stream.add(sample_captions()), Error);
    }
  }
}

}  // namespace
}  // namespace lpmc
