#include "lpmc/base/utf8.h"

#include <gtest/gtest.h>

namespace lpmc {
namespace {

TEST(Utf8, ReplacesMaximalSubpartsAsPythonDoes) {
  const std::string r = "\xEF\xBF\xBD";
  EXPECT_EQ(replace_invalid_utf8("caf\xC3\xA9"), "caf\xC3\xA9");
  EXPECT_EQ(replace_invalid_utf8("\xFF"), r);
  EXPECT_EQ(replace_invalid_utf8("a\x80z"), "a" + r + "z");
  EXPECT_EQ(replace_invalid_utf8("\xE2\x82"), r);  // cut off: one subpart
  EXPECT_EQ(replace_invalid_utf8("\xE2\x82z"), r + "z");
  EXPECT_EQ(replace_invalid_utf8("\xC0\x80"), r + r);          // overlong
  EXPECT_EQ(replace_invalid_utf8("\xED\xA0\x80"), r + r + r);  // surrogate
  EXPECT_EQ(replace_invalid_utf8("\xF0\x9F\x8E"), r);
  EXPECT_EQ(replace_invalid_utf8("\xF4\x90\x80\x80"), r + r + r + r);  // over U+10FFFF
}

TEST(Utf8, Validity) {
  EXPECT_TRUE(is_valid_utf8(""));
  EXPECT_TRUE(is_valid_utf8("\xF0\x9F\x8E\xB5 \xE2\x99\xAA"));
  EXPECT_FALSE(is_valid_utf8("\xE2\x99"));
  EXPECT_FALSE(is_valid_utf8("\xF8\x88\x80\x80\x80"));
}

TEST(Utf8, PathsAreSafeToPrint) {
  EXPECT_EQ(display_path("a\n\x1b[31m\xFF.wav"), "a\\n\\x1b[31m\xEF\xBF\xBD.wav");
}

}  // namespace
}  // namespace lpmc
