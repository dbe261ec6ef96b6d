#include "lpmc/dataset/csv_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/matchers.h"

namespace lpmc {
namespace {

using test::ThrowsLpmc;
using ::testing::ElementsAre;
using Rows = std::vector<std::vector<std::string>>;

Rows read(std::string_view text) {
  TextSource source(text, "a.csv");
  CsvReader reader(source);
  Rows rows;
  std::vector<std::string> row;
  while (reader.next(row))
    rows.push_back(row);
  return rows;
}

TEST(CsvReader, ReadsRfc4180) {
  EXPECT_EQ(read("a,b\r\n1,2\r\n"), (Rows{{"a", "b"}, {"1", "2"}}));
  EXPECT_EQ(read("\"a,b\",\"say \"\"hi\"\"\",\"two\r\nlines\"\n,\n"),
            (Rows{{"a,b", "say \"hi\"", "two\r\nlines"}, {"", ""}}));
  EXPECT_EQ(read("a,\"\"\n\"\""), (Rows{{"a", ""}, {""}}));
}

TEST(CsvReader, TakesWhatProgramsWrite) {
  EXPECT_EQ(read("\xEF\xBB\xBF"
                 "a,b\n1,2"),
            (Rows{{"a", "b"}, {"1", "2"}}));  // byte order mark, no last line end
  EXPECT_EQ(read("a,b\r1,2\r"), (Rows{{"a", "b"}, {"1", "2"}}));
  EXPECT_EQ(read("\n\na\n\r\n\nb\n\n"), (Rows{{"a"}, {"b"}}));
  EXPECT_EQ(read("5\" record,b"), (Rows{{"5\" record", "b"}}));
  EXPECT_EQ(read(" \"a\" ,b"), (Rows{{" \"a\" ", "b"}}));
  EXPECT_EQ(read(std::string_view("a\0b,c", 5)), (Rows{{std::string("a\0b", 3), "c"}}));
  EXPECT_EQ(read(""), Rows{});
}

TEST(CsvReader, CountsLinesInsideQuotes) {
  TextSource source("\"a\nb\"\nc\n", "a.csv");
  CsvReader reader(source);
  std::vector<std::string> row;
  ASSERT_TRUE(reader.next(row));
  EXPECT_EQ(reader.line(), 1U);
  ASSERT_TRUE(reader.next(row));
  EXPECT_EQ(reader.line(), 3U);
  EXPECT_FALSE(reader.next(row));
  EXPECT_TRUE(row.empty());
}

TEST(CsvReader, NamesTheLineOfWhatIsWrong) {
  EXPECT_THAT([] { read("a\nb,\"c\nd\n"); },
              ThrowsLpmc(ErrorKind::corrupt, "a.csv: line 2: expected a closing quote"));
  EXPECT_THAT([] { read("a\n\"b\"c\n"); }, ThrowsLpmc(ErrorKind::corrupt, "a.csv: line 2: expected a comma"));
  EXPECT_THAT([] { read("a,b\nx,caf\xE9\n"); },
              ThrowsLpmc(ErrorKind::corrupt, "a.csv: line 2, field 2: expected UTF-8"));
  EXPECT_THAT(
      [] {
        read(
            std::string_view("\xFF\xFE"
                             "a\0",
                             4));
      },
      ThrowsLpmc(ErrorKind::unsupported, "UTF-16"));
  EXPECT_THAT([] { read("\"" + std::string(CsvReader::kMaxFieldBytes + 1, 'x')); },
              ThrowsLpmc(ErrorKind::corrupt, "over 16 MiB"));
}

}  // namespace
}  // namespace lpmc
