#include <fstream>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lpmc/base/error.h"
#include "lpmc/dataset/caption_columns.h"
#include "lpmc/dataset/parquet_table.h"
#include "lpmc/dataset/tag_record.h"

#include "tests/support/fixtures.h"
#include "tests/support/matchers.h"

namespace lpmc {
namespace {

using nlohmann::json;
using test::read_file;
using test::ThrowsLpmc;
using Type = ParquetColumn::Type;
using ::testing::ElementsAre;

class Parquet : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_parquet()) GTEST_SKIP() << "this build is without Arrow";
  }
  void write(const std::vector<ParquetColumn>& columns, const std::vector<json>& rows) const {
    ParquetWriter writer(file_, columns);
    for (const json& row : rows)
      writer.write(row);
    writer.commit();
  }
  std::vector<json> read() const {
    std::vector<json> rows;
    read_parquet_rows(file_, [&](const json& row, std::uint64_t number) {
      rows.push_back(row);
      EXPECT_EQ(number, rows.size());
    });
    return rows;
  }
  void write_bytes(const std::string& bytes) const { std::ofstream(file_, std::ios::binary) << bytes; }

  test::TemporaryFolder folder_;
  const std::filesystem::path file_ = folder_ / "table.parquet";
};

const std::vector<ParquetColumn> kColumns = {{"id", Type::text},
                                             {"tags", Type::texts},
                                             {"n", Type::integer},
                                             {"x", Type::number},
                                             {"yes", Type::boolean}};

TEST(ParquetAbsent, SaysHowToGetIt) {
  if (has_parquet()) GTEST_SKIP() << "this build has Arrow";
  const test::TemporaryFolder folder;
  EXPECT_THAT([&] { read_parquet_rows(folder / "a.parquet", [](const json&, std::uint64_t) {}); },
              ThrowsLpmc(ErrorKind::unsupported, "a.parquet: Parquet needs the library Arrow"));
  EXPECT_THAT([&] { ParquetWriter(folder / "b.parquet", kColumns); },
              ThrowsLpmc(ErrorKind::unsupported, "b.parquet: Parquet needs the library Arrow"));
  EXPECT_THAT([] { require_parquet("--format parquet"); },
              ThrowsLpmc(ErrorKind::unsupported, "LPMC_WITH_PARQUET"));
}

TEST_F(Parquet, ReadsWhatItWrote) {
  const std::vector<json> rows = {
      {{"id", "a"}, {"tags", {"sad", "", "größer"}}, {"n", -7}, {"x", 0.25}, {"yes", true}},
      {{"id", ""}, {"tags", json::array()}, {"n", 0}, {"x", -1.0}, {"yes", false}},
      {{"id", nullptr}, {"tags", nullptr}, {"n", nullptr}, {"x", nullptr}, {"yes", nullptr}}};
  write(kColumns, rows);
  EXPECT_EQ(read(), rows);
}

TEST_F(Parquet, KeysThatAreNotThereAreNull) {
  write(kColumns, {{{"id", "a"}, {"other", 1}}});
  EXPECT_EQ(read()[0],
            json({{"id", "a"}, {"tags", nullptr}, {"n", nullptr}, {"x", nullptr}, {"yes", nullptr}}));
}

TEST_F(Parquet, NoRows) {
  write(kColumns, {});
  EXPECT_TRUE(read().empty());
}

TEST_F(Parquet, WhatJsonHasNoWordFor) {
  write({{"x", Type::number}, {"text", Type::text}},
        {{{"x", std::numeric_limits<double>::quiet_NaN()}, {"text", "a\xff"}}});
  EXPECT_EQ(read()[0], json({{"x", nullptr}, {"text", "a\uFFFD"}}));
}

TEST_F(Parquet, ManyRowsInSeveralGroups) {
  constexpr int kRows = 70'000;  // a group has 65,536
  ParquetWriter writer(file_, {{"id", Type::text}, {"tags", Type::texts}});
  for (int i = 0; i < kRows; ++i)
    writer.write({{"id", std::to_string(i)}, {"tags", json(std::vector<std::string>(i % 3, "t"))}});
  writer.commit();
  int next = 0;
  read_parquet_rows(file_, [&](const json& row, std::uint64_t) {
    ASSERT_EQ(row["id"], std::to_string(next));
    ASSERT_EQ(row["tags"].size(), static_cast<std::size_t>(next % 3));
    ++next;
  });
  EXPECT_EQ(next, kRows);
}

TEST_F(Parquet, EqualRowsGiveEqualBytes) {
  write(kColumns, {{{"id", "a"}, {"tags", {"x"}}}});
  const std::string first = read_file(file_);
  write(kColumns, {{{"id", "a"}, {"tags", {"x"}}}});
  EXPECT_EQ(read_file(file_), first);
}

TEST_F(Parquet, AWrongTypeIsNamedAndNothingIsLeft) {
  write_bytes("before");
  {
    ParquetWriter writer(file_, kColumns);
    EXPECT_THAT(
        [&] {
          writer.write({{"id", 3}});
        },
        ThrowsLpmc(ErrorKind::invalid_argument, "id: expected string"));
    EXPECT_THAT([&] { writer.write({{"tags", {"a", 3}}}); }, ThrowsLpmc(ErrorKind::invalid_argument, "tags"));
    EXPECT_THAT(
        [&] {
          writer.write({{"n", 0.5}});
        },
        ThrowsLpmc(ErrorKind::invalid_argument, "n: expected int64"));
    writer.write({{"id", "a"}});
  }
  EXPECT_EQ(read_file(file_), "before");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1);
}

TEST_F(Parquet, DamageIsNamed) {
  write(kColumns, {{{"id", "a"}, {"tags", {"x", "y"}}}, {{"id", "b"}}});
  const std::string whole = read_file(file_);
  const auto is_corrupt = [&] { return ThrowsLpmc(ErrorKind::corrupt, "table.parquet: "); };
  for (const std::size_t size : {std::size_t{4}, std::size_t{9}, whole.size() / 2, whole.size() - 1}) {
    write_bytes(whole.substr(0, size));
    EXPECT_THAT([&] { read(); }, is_corrupt()) << size;
  }
  std::string damaged = whole;
  damaged[whole.size() - 8] = static_cast<char>(0xff);  // the footer's length
  damaged[whole.size() - 6] = static_cast<char>(0xff);
  write_bytes(damaged);
  EXPECT_THAT([&] { read(); }, is_corrupt());
  damaged = whole;
  for (std::size_t i = 4; i < 40; ++i)  // the first page and its header
    damaged[i] = static_cast<char>(0xff);
  write_bytes(damaged);
  EXPECT_THAT([&] { read(); }, is_corrupt());
}

TEST_F(Parquet, OneWrongByteIsNoticed) {
  const std::string text(300, 'x');
  write({{"id", Type::text}}, {{{"id", text}}, {{"id", "b" + text}}});
  const std::string whole = read_file(file_);
  const std::vector<json> rows = read();
  unsigned footer = 0;  // little-endian, before the last four bytes
  for (std::size_t i = 0; i < 4; ++i)
    footer |= static_cast<unsigned>(static_cast<unsigned char>(whole[whole.size() - 8 + i])) << (8 * i);
  ASSERT_LT(footer, whole.size() - 12);
  int noticed = 0;
  for (std::size_t i = 4; i < whole.size() - 8 - footer; ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    write_bytes(damaged);
    try {
      EXPECT_EQ(read(), rows) << i;  // what the reader does not need
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::corrupt) << i << ": " << error.what();
      ++noticed;
    }
  }
  EXPECT_GT(noticed, 50);
}

TEST_F(Parquet, FilesThatAreNone) {
  EXPECT_THAT([&] { read(); }, ThrowsLpmc(ErrorKind::not_found, "table.parquet"));
  EXPECT_THAT([&] { read_parquet_rows(folder_.path(), [](const json&, std::uint64_t) {}); },
              ThrowsLpmc(ErrorKind::unsupported, "found a pipe or folder"));
}

TEST_F(Parquet, IsADataSet) {
  write(
      {{"track_id", Type::text},
       {"tags", Type::texts},
       {"caption_writing", Type::text},
       {"split", Type::text}},
      {{{"track_id", "a"}, {"tags", {"sad", "slow"}}, {"caption_writing", "A sad song."}, {"split", "test"}},
       {{"track_id", "b"}, {"tags", json::array()}}});
  std::vector<TagRecord> records;
  const RecordCounts counts =
      read_tag_records({.input = file_, .split_file = {}, .splits = {}},
                       [&](TagRecord&& record) { records.push_back(std::move(record)); });
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(counts.without_tags, 1U);
  EXPECT_EQ(records[0].id, "a");
  EXPECT_EQ(records[0].split, "test");
  EXPECT_THAT(records[0].tags, ElementsAre("sad", "slow"));
  EXPECT_EQ(read_caption_columns(file_).at("a").at("writing"), "A sad song.");
  EXPECT_THAT(
      [&] {
        read_tag_records({.input = file_, .split_file = {}, .splits = {}},
                         [](TagRecord&&) { fail(ErrorKind::io, "stop"); });
      },
      ThrowsLpmc(ErrorKind::io, "stop"));
}

TEST_F(Parquet, ARecordThatIsWrongIsNamedByItsRow) {
  write({{"id", Type::text}, {"tags", Type::number}}, {{{"id", "a"}, {"tags", 3}}});
  EXPECT_THAT([&] { read_tag_records({.input = file_, .split_file = {}, .splits = {}}, [](TagRecord&&) {}); },
              ThrowsLpmc(ErrorKind::corrupt, "table.parquet: row 1: tags: expected a list of strings"));
}

}  // namespace
}  // namespace lpmc
