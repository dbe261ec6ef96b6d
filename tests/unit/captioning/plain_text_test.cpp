#include "lpmc/captioning/plain_text.h"

#include <limits>

#include <gtest/gtest.h>

#include "lpmc/captioning/python_repr.h"
#include "lpmc/captioning/timecodes.h"

namespace lpmc {
namespace {

TEST(PlainText, OneLineLeavesTextAlone) {
  EXPECT_EQ(one_line("A calm piano, “soft”, 东京."), "A calm piano, “soft”, 东京.");
  EXPECT_EQ(one_line(""), "");
}

TEST(PlainText, OneLineJoinsLinesAndTrims) {
  EXPECT_EQ(one_line("  a\r\n\r\nb\tc \xE2\x80\xA8 d\xC2\x85\n"), "a b c d");
}

TEST(PlainText, OneLineReplacesControlsAndWhatIsNotUtf8) {
  EXPECT_EQ(one_line(std::string_view("a\x1b[31mb\0c\x7f", 10)), "a\uFFFD[31mb\uFFFDc\uFFFD");
  EXPECT_EQ(one_line("a\xC2\x9Bm"), "a\uFFFDm");  // the one-character form of ESC [
  EXPECT_EQ(one_line("caf\xE9 x"), "caf\uFFFD x");
  EXPECT_EQ(one_line("\xC2"), "\uFFFD");
}

TEST(PlainText, PercentEncodingKeepsEveryByte) {
  EXPECT_EQ(percent_encoded("a b/c'$(x).mp3"), "a b/c'$(x).mp3");
  EXPECT_EQ(percent_encoded("100%\n\xFF\x7F"), "100%25%0A%FF%7F");
}

TEST(Timecodes, LabelsForReading) {
  EXPECT_EQ(time_label(0), "0:00");
  EXPECT_EQ(time_label(9.96), "0:10");
  EXPECT_EQ(time_label(5.5), "0:05.5");
  EXPECT_EQ(time_label(30.013), "0:30");
  EXPECT_EQ(time_label(59.97), "1:00");
  EXPECT_EQ(time_label(3599.94), "59:59.9");
  EXPECT_EQ(time_label(3599.96), "1:00:00");
  EXPECT_EQ(time_label(36000), "10:00:00");
  EXPECT_EQ(time_range_label(5.5, 15.5), "0:05.5-0:15.5");
}

TEST(Timecodes, ForPlayers) {
  EXPECT_EQ(subtitle_time(0, ','), "00:00:00,000");
  EXPECT_EQ(subtitle_time(3661.2346, '.'), "01:01:01.235");
  EXPECT_EQ(subtitle_time(360000, ','), "100:00:00,000");
  EXPECT_EQ(lyrics_time(59.999), "01:00.00");
  EXPECT_EQ(lyrics_time(36000.5), "600:00.50");
}

TEST(Timecodes, TakesAnyNumber) {
  for (const double bad :
       {-1.0, std::numeric_limits<double>::quiet_NaN(), -std::numeric_limits<double>::infinity()}) {
    EXPECT_EQ(time_label(bad), "0:00");
    EXPECT_EQ(to_milliseconds(bad), 0);
  }
  EXPECT_GT(to_milliseconds(std::numeric_limits<double>::infinity()), 0);
}

// The right-hand sides are what CPython 3.11 prints for repr().
TEST(PythonRepr, ChoosesQuotes) {
  EXPECT_EQ(python_repr("plain"), "'plain'");
  EXPECT_EQ(python_repr("it's"), "\"it's\"");
  EXPECT_EQ(python_repr("say \"hi\""), "'say \"hi\"'");
  EXPECT_EQ(python_repr("it's \"hi\""), "'it\\'s \"hi\"'");
  EXPECT_EQ(python_repr(""), "''");
}

TEST(PythonRepr, Escapes) {
  EXPECT_EQ(python_repr("a\\b\tc\nd\re"), "'a\\\\b\\tc\\nd\\re'");
  EXPECT_EQ(python_repr(std::string_view("\0\x1b\x7f", 3)), "'\\x00\\x1b\\x7f'");
  EXPECT_EQ(python_repr("\u0085\u00A0\u00AD\u00E9"), "'\\x85\\xa0\\xad\u00E9'");
  EXPECT_EQ(python_repr("\u0378\u200B\u2028\u3000\uFEFF\uE000"),
            "'\\u0378\\u200b\\u2028\\u3000\\ufeff\\ue000'");
  EXPECT_EQ(python_repr("\U0001F3B5\U000E0001\U0010FFFF"), "'\U0001F3B5\\U000e0001\\U0010ffff'");
  EXPECT_EQ(python_repr("caf\xE9"), "'caf\uFFFD'");
}

}  // namespace
}  // namespace lpmc
