#include "lpmc/training/tensorboard.h"

#include <cstring>
#include <vector>

#include "lpmc/training/report.h"

#include "tests/support/fixtures.h"
#include "tests/support/matchers.h"
#include "tests/support/program.h"

namespace lpmc::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

/// CRC-32C bit by bit.
std::uint32_t plain_crc32c(std::string_view bytes) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int i = 0; i < 8; ++i)
      crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82F63B78U : crc >> 1;
  }
  return ~crc;
}

template <class T>
T number_at(const std::string& bytes, std::size_t at) {
  T value{};
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

/// The events of a TFRecord file; both checksums of each are compared.
std::vector<std::string> records_of(const std::string& bytes) {
  std::vector<std::string> records;
  for (std::size_t at = 0; at < bytes.size();) {
    const auto length = number_at<std::uint64_t>(bytes, at);
    EXPECT_EQ(number_at<std::uint32_t>(bytes, at + 8), masked_crc32c(bytes.substr(at, 8)));
    records.push_back(bytes.substr(at + 12, length));
    EXPECT_EQ(number_at<std::uint32_t>(bytes, at + 12 + length), masked_crc32c(records.back()));
    at += 16 + length;
  }
  return records;
}

std::string only_file(const fs::path& folder) {
  std::string bytes;
  for (const auto& entry : fs::directory_iterator(folder)) {
    EXPECT_THAT(entry.path().filename().string(), ::testing::StartsWith("events.out.tfevents."));
    bytes += read_file(entry.path());
  }
  return bytes;
}

TEST(MaskedCrc32c, IsThatOfTheFormat) {
  EXPECT_EQ(plain_crc32c("123456789"), 0xE3069283U);  // the check value of the Castagnoli polynomial
  const std::uint32_t crc = plain_crc32c("music");
  EXPECT_EQ(masked_crc32c("music"), ((crc >> 15) | (crc << 17)) + 0xA282EAD8U);
}

TEST(EventFile, HoldsVersionAndScalars) {
  TemporaryFolder folder;
  {
    EventFile events(folder.path(), 0);
    events.add(300, {{"train/loss", 2.5}});
  }
  const std::vector<std::string> records = records_of(only_file(folder.path()));
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].substr(9), std::string("\x10\x00\x1a\x0d", 4) + "brain.Event:2");
  // wall_time; step 300; summary { value { tag "train/loss", simple_value 2.5 } }
  EXPECT_EQ(records[1][0], '\x09');
  EXPECT_EQ(records[1].substr(9), std::string("\x10\xac\x02\x2a\x13\x0a\x11\x0a\x0a", 9) + "train/loss" +
                                      std::string("\x15\x00\x00\x20\x40", 5));
}

TEST(EventFile, AResumedRunForgetsWhatCameLater) {
  TemporaryFolder folder;
  { EventFile events(folder.path(), 7); }
  const std::vector<std::string> records = records_of(only_file(folder.path()));
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[1].substr(9),
            std::string("\x10\x07\x3a\x02\x08\x01", 6));  // SessionLog { status: START }
}

TEST(EventFile, TensorBoardReadsIt) {
  TemporaryFolder folder;
  {
    EventFile events(folder.path(), 0);
    for (int step = 1; step <= 3; ++step)
      events.add(step, {{"train/loss", 3.0 / step}, {"train/lr", 1e-4}});
  }
  const char* script =
      "import sys\n"
      "try:\n"
      "  from tensorboard.backend.event_processing.event_accumulator import EventAccumulator\n"
      "except ImportError:\n"
      "  sys.exit(77)\n"
      "a = EventAccumulator(sys.argv[1]); a.Reload()\n"
      "print([(e.step, round(e.value, 4)) for e in a.Scalars('train/loss')])\n";
  const ProgramResult result = run_program({system_python(), "-c", script, folder.path()});
  if (result.exit_code == 77) GTEST_SKIP() << "Python has no tensorboard";
  EXPECT_EQ(result.out, "[(1, 3.0), (2, 1.5), (3, 1.0)]\n") << result.err;
}

RunFacts facts() {
  RunFacts facts;
  facts.name = "run <one>";
  facts.data = "8 clips of x.jsonl";
  facts.start = "random weights";
  facts.step = 3;
  facts.updates = 9;
  facts.options = {{"framework", "supervised"}, {"lr", 1e-4}};
  for (int step = 1; step <= 2000; ++step) {
    facts.entries.push_back({{"kind", "train"}, {"step", step}, {"loss", 4.0 / step}, {"accuracy", 0.1}});
  }
  facts.entries.push_back({{"kind", "valid"}, {"step", 2}, {"loss", 3.5}, {"accuracy", 0.2}, {"clips", 4}});
  facts.entries.push_back({{"kind", "valid"}, {"step", 3}, {"loss", json()}, {"clips", 4}});
  facts.entries.push_back(
      {{"kind", "samples"},
       {"step", 3},
       {"captions",
        {{{"id", "a"}, {"audio", "samples/0.wav"}, {"reference", "r"}, {"caption", "<script>x"}}}}});
  return facts;
}

TEST(Report, ShowsCurvesAndCaptionsAndEscapes) {
  const std::string html = training_report(facts());
  EXPECT_THAT(html, HasSubstr("run &lt;one&gt;"));
  EXPECT_THAT(html, HasSubstr("&lt;script&gt;x"));
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, HasSubstr("<polyline"));
  EXPECT_THAT(html, HasSubstr("samples/0.wav"));
  EXPECT_THAT(html, Not(HasSubstr("http")));
  EXPECT_LT(html.size(), 60000U);  // two thousand points are thinned
}

TEST(Report, OfARunThatHasOnlyBegun) {
  RunFacts empty = facts();
  empty.entries.clear();
  EXPECT_THAT(training_report(empty), Not(HasSubstr("<polyline")));
  EXPECT_THAT(training_card(empty), HasSubstr("not stated"));
}

TEST(Card, NamesDataAndMetrics) {
  RunFacts named = facts();
  named.license = "CC BY-SA 4.0";
  const std::string card = training_card(named);
  EXPECT_THAT(card, HasSubstr("license: \"CC BY-SA 4.0\"\nlpmc_dtypes: [f32]"));
  EXPECT_THAT(card, HasSubstr("8 clips of x.jsonl"));
  EXPECT_THAT(card, HasSubstr("| lr | 0.0001 |"));
}

}  // namespace
}  // namespace lpmc::test
