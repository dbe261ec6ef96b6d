#include "lpmc/checkpoint/zip_archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include "lpmc/checkpoint/byte_reader.h"
#include "lpmc/checkpoint/zip_records.h"
#include "lpmc/checkpoint/zip_writer.h"

#include "tests/unit/checkpoint/archive_builder.h"

namespace lpmc::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const std::vector<ZipItem> kItems = {{.name = "m/data.pkl", .data = "pickle", .descriptor = true},
                                     {.name = "m/data/0", .data = "0123456789"},
                                     {.name = "m/empty", .data = ""},
                                     {.name = "m/data/1", .data = "large", .zip64 = true}};

std::string error_of(ErrorKind kind, const BuiltZip& zip) {
  return message_of(kind, [&] {
    const ZipArchive archive(zip.span(), "a.pth");
    for (const ZipEntry& entry : archive.entries())
      archive.data(entry);
  });
}

void expect_items(const BuiltZip& zip) {
  const ZipArchive archive(zip.span(), "a.pth");
  ASSERT_EQ(archive.entries().size(), kItems.size());
  for (std::size_t i = 0; i < kItems.size(); ++i) {
    const ZipEntry& entry = archive.entries()[i];
    EXPECT_EQ(entry.name, kItems[i].name);
    EXPECT_EQ(archive.find(kItems[i].name), &entry);
    EXPECT_EQ(as_text(archive.data(entry)), kItems[i].data);
    archive.verify_checksum(entry);
  }
  EXPECT_EQ(archive.find("m/data"), nullptr);
}

TEST(ZipArchive, ReadsStoredEntriesWithAndWithoutDescriptors) {
  expect_items(build_zip(kItems));
}

TEST(ZipArchive, ReadsZip64Ends) {
  expect_items(build_zip(kItems, {.zip64_end = true}));
}

TEST(ZipArchive, ReadsPastAComment) {
  expect_items(build_zip(kItems, {.comment = "written by hand"}));
  expect_items(build_zip(kItems, {.comment = std::string(65535, 'c'), .zip64_end = true}));
  expect_items(build_zip(kItems, {.comment = "PK\x05\x06 is how an end begins"}));
}

TEST(ZipArchive, EveryCutOffArchiveIsAnError) {
  const BuiltZip zip = build_zip(kItems, {.zip64_end = true});
  for (std::size_t size = 0; size < zip.bytes.size(); ++size) {
    const std::string message =
        message_of(ErrorKind::corrupt, [&] { ZipArchive(zip.span().first(size), "a.pth"); });
    EXPECT_THAT(message, AllOf(HasSubstr("a.pth: cut off: no end of central directory"),
                               HasSubstr(fmt::format("{} bytes", size))));
  }
  BuiltZip longer = zip;
  longer.bytes += "more";
  EXPECT_THAT(error_of(ErrorKind::corrupt, longer), HasSubstr("no end of central directory"));
}

TEST(ZipArchive, RefusesAnEndHiddenInTheComment) {
  const BuiltZip inner = build_zip({});
  const BuiltZip zip = build_zip(kItems, {.comment = inner.bytes});
  EXPECT_THAT(error_of(ErrorKind::corrupt, zip), HasSubstr("two ends of central directory"));
}

TEST(ZipArchive, RefusesTwoEndsThatDisagree) {
  BuiltZip zip = build_zip(kItems, {.zip64_end = true});
  zip.patch(zip.end + 8, std::uint16_t{2}).patch(zip.end + 10, std::uint16_t{2});
  EXPECT_THAT(error_of(ErrorKind::corrupt, zip), HasSubstr("contradict each other"));
}

TEST(ZipArchive, RefusesABadZip64End) {
  const BuiltZip zip = build_zip(kItems, {.zip64_end = true});
  const std::size_t locator = zip.end - zip::kZip64LocatorSize;
  EXPECT_THAT(error_of(ErrorKind::corrupt, BuiltZip(zip).patch(locator + 8, ~std::uint64_t{0})),
              HasSubstr("zip64"));
  EXPECT_THAT(
      error_of(ErrorKind::corrupt, BuiltZip(zip).patch(locator + 8, std::uint64_t{zip.zip64_end + 1})),
      HasSubstr("zip64"));
  EXPECT_THAT(error_of(ErrorKind::corrupt, BuiltZip(zip).patch(zip.zip64_end + 4, ~std::uint64_t{0})),
              HasSubstr("expected a size of 44"));
}

TEST(ZipArchive, RefusesNumbersOfEntriesThatCannotBe) {
  const BuiltZip zip = build_zip(kItems, {.zip64_end = true});
  const auto with_count = [&](std::uint64_t count) {
    return BuiltZip(zip).patch(zip.zip64_end + 24, count).patch(zip.zip64_end + 32, count);
  };
  EXPECT_THAT(error_of(ErrorKind::corrupt, with_count(~std::uint64_t{0})),
              HasSubstr("expected at most 1048576 entries"));
  EXPECT_THAT(error_of(ErrorKind::corrupt, with_count(1000)), HasSubstr("1000 entries cannot stand"));
  EXPECT_THAT(error_of(ErrorKind::corrupt, with_count(5)),
              HasSubstr("entry 4 of the zip directory is damaged"));
  EXPECT_THAT(error_of(ErrorKind::corrupt, with_count(3)), HasSubstr("after the 3 entries"));
}

TEST(ZipArchive, RefusesADirectoryOutsideTheFile) {
  const BuiltZip zip = build_zip(kItems);
  EXPECT_THAT(error_of(ErrorKind::corrupt, BuiltZip(zip).patch(zip.end + 16, std::uint32_t{0xFFFFFFF0})),
              HasSubstr("expected the zip directory to end at"));
  EXPECT_THAT(error_of(ErrorKind::corrupt, BuiltZip(zip).patch(zip.end + 12, std::uint32_t{0xFFFFFFF0})),
              HasSubstr("expected the zip directory to end at"));
  const BuiltZip large = build_zip(kItems, {.zip64_end = true});
  EXPECT_THAT(error_of(ErrorKind::corrupt, BuiltZip(large).patch(large.zip64_end + 48, ~std::uint64_t{0})),
              HasSubstr("expected the zip directory to end at"));
}

TEST(ZipArchive, RefusesArchivesInParts) {
  const BuiltZip zip = build_zip(kItems);
  EXPECT_THAT(error_of(ErrorKind::unsupported, BuiltZip(zip).patch(zip.end + 4, std::uint16_t{1})),
              HasSubstr("several parts"));
  EXPECT_THAT(error_of(ErrorKind::unsupported, BuiltZip(zip).patch(zip.central[0] + 34, std::uint16_t{1})),
              HasSubstr("several parts"));
}

// Many entries over the same bytes are the one zip bomb that stored entries allow.
TEST(ZipArchive, RefusesOverlappingEntries) {
  const BuiltZip zip = build_zip(kItems);
  const auto begin = static_cast<std::uint32_t>(zip.local[0]);
  EXPECT_THAT(error_of(ErrorKind::corrupt, BuiltZip(zip).patch(zip.central[1] + 42, begin)),
              HasSubstr("overlap"));
  EXPECT_THAT(error_of(ErrorKind::corrupt, BuiltZip(zip).patch(zip.central[1] + 42, begin + 4)),
              HasSubstr("overlap"));
  // One that claims to contain the next.
  BuiltZip wide = zip;
  wide.patch(wide.central[0] + 20, std::uint32_t{60}).patch(wide.central[0] + 24, std::uint32_t{60});
  EXPECT_THAT(error_of(ErrorKind::corrupt, wide),
              AllOf(HasSubstr("'m/data.pkl' and 'm/data/0' overlap"), HasSubstr("60 bytes")));
}

TEST(ZipArchive, RefusesEntriesOutsideTheFile) {
  const BuiltZip zip = build_zip(kItems);
  EXPECT_THAT(
      error_of(ErrorKind::corrupt, BuiltZip(zip).patch(zip.central[1] + 42, std::uint32_t{0xFFFFFFF0})),
      HasSubstr("do not lie before the directory"));
  const BuiltZip one = build_zip({{.name = "m", .data = "abc"}});
  EXPECT_THAT(error_of(ErrorKind::corrupt, BuiltZip(one).patch(one.central[0] + 42, std::uint32_t{1})),
              HasSubstr("'m': 3 bytes at 1 do not lie before the directory at 34"));
  // 64-bit sizes and offsets whose sums wrap around. The extra field: another field of 5 bytes, then ours.
  const std::size_t extra = zip.central[3] + zip::kCentralSize + kItems[3].name.size() + 5 + 4;
  BuiltZip huge = zip;
  huge.patch(extra, ~std::uint64_t{0} - 8).patch(extra + 8, ~std::uint64_t{0} - 8);
  EXPECT_THAT(error_of(ErrorKind::corrupt, huge), HasSubstr("do not lie before the directory"));
  EXPECT_THAT(error_of(ErrorKind::corrupt, BuiltZip(zip).patch(extra + 16, ~std::uint64_t{0})),
              HasSubstr("do not lie before the directory"));
}

TEST(ZipArchive, RefusesADamagedZip64Field) {
  const BuiltZip zip = build_zip(kItems);
  const std::size_t field = zip.central[3] + zip::kCentralSize + kItems[3].name.size() + 5;
  EXPECT_THAT(error_of(ErrorKind::corrupt, BuiltZip(zip).patch(field + 2, std::uint16_t{23})),
              HasSubstr("too short"));
  EXPECT_THAT(error_of(ErrorKind::corrupt, BuiltZip(zip).patch(field + 2, std::uint16_t{25})),
              HasSubstr("beyond its end"));
  BuiltZip none = zip;  // the sizes stay 0xFFFFFFFF
  none.patch(field, std::uint16_t{0x7777});
  EXPECT_THAT(error_of(ErrorKind::corrupt, none), HasSubstr("do not lie before the directory"));
}

TEST(ZipArchive, RefusesTwoEntriesOfOneName) {
  const BuiltZip zip = build_zip({{.name = "a", .data = "1"}, {.name = "a", .data = "2"}});
  EXPECT_THAT(error_of(ErrorKind::corrupt, zip), HasSubstr("two entries of the zip archive are named 'a'"));
}

TEST(ZipArchive, RefusesALocalHeaderThatContradicts) {
  const BuiltZip zip = build_zip(kItems);
  const std::size_t local = zip.local[1];
  const std::vector<BuiltZip> contradictions = {
      BuiltZip(zip).patch(local, std::uint32_t{0}),        // signature
      BuiltZip(zip).patch(local + zip::kLocalSize, 'M'),   // name
      BuiltZip(zip).patch(local + 26, std::uint16_t{7}),   // name's length
      BuiltZip(zip).patch(local + 8, std::uint16_t{8}),    // method
      BuiltZip(zip).patch(local + 6, std::uint16_t{1}),    // encryption
      BuiltZip(zip).patch(local + 14, std::uint32_t{0}),   // checksum
      BuiltZip(zip).patch(local + 18, std::uint32_t{9}),   // stored size
      BuiltZip(zip).patch(local + 22, std::uint32_t{0})};  // size
  for (const BuiltZip& contradiction : contradictions) {
    EXPECT_THAT(error_of(ErrorKind::corrupt, contradiction),
                AllOf(HasSubstr("'m/data/0'"), HasSubstr("contradicts the directory")));
  }
  // An extra field in the local header that pushes the data into the next entry.
  EXPECT_THAT(error_of(ErrorKind::corrupt, BuiltZip(zip).patch(local + 28, std::uint16_t{1})),
              HasSubstr("reach into what follows"));
  EXPECT_THAT(error_of(ErrorKind::corrupt, BuiltZip(zip).patch(local + 28, std::uint16_t{0xFFFF})),
              HasSubstr("reach into what follows"));
}

TEST(ZipArchive, RefusesCompressedAndEncryptedEntriesByName) {
  const BuiltZip deflated = build_zip({{.name = "x/data/3", .data = "abc", .method = 8}});
  EXPECT_THAT(
      error_of(ErrorKind::unsupported, deflated),
      HasSubstr("a.pth: zip entry 'x/data/3': expected it stored, found compression method 8 (deflated)"));
  const BuiltZip encrypted = build_zip({{.name = "x/data/3", .data = "abc", .flags = 1}});
  EXPECT_THAT(error_of(ErrorKind::unsupported, encrypted), HasSubstr("'x/data/3' is encrypted"));
  const BuiltZip patched = BuiltZip(build_zip(kItems));
  EXPECT_THAT(
      error_of(ErrorKind::corrupt, BuiltZip(patched).patch(patched.central[1] + 20, std::uint32_t{9})),
      HasSubstr("stored, but 9 bytes of 10"));
}

TEST(ZipArchive, ComparesChecksums) {
  BuiltZip zip = build_zip(kItems);
  zip.patch(zip.local[1] + zip::kLocalSize + kItems[1].name.size(), '!');
  const ZipArchive archive(zip.span(), "a.pth");
  EXPECT_THAT(message_of(ErrorKind::corrupt, [&] { archive.verify_checksum(*archive.find("m/data/0")); }),
              HasSubstr("zip entry 'm/data/0' is damaged: expected the checksum"));
  archive.verify_checksum(*archive.find("m/data/1"));
  // torch can leave checksums out: 0 in both headers.
  zip.patch(zip.local[1] + 14, std::uint32_t{0}).patch(zip.central[1] + 16, std::uint32_t{0});
  const ZipArchive unchecked(zip.span(), "a.pth");
  unchecked.verify_checksum(*unchecked.find("m/data/0"));
}

TEST(ZipArchive, NamesInErrorsAreHarmless) {
  const BuiltZip zip =
      build_zip({{.name = "\x1b[2J\xff" + std::string(60000, 'n'), .data = "abc", .method = 8}});
  const std::string message = error_of(ErrorKind::unsupported, zip);
  EXPECT_THAT(message, AllOf(HasSubstr("\\x1b[2J"), HasSubstr("\xEF\xBF\xBD")));
  EXPECT_LT(message.size(), 300U);
}

// Whatever one byte says, the answer is data inside the archive or an Error.
TEST(ZipArchive, EveryChangedByteIsHandled) {
  const BuiltZip zip = build_zip(kItems, {.comment = "c", .zip64_end = true});
  std::size_t refused = 0;
  for (std::size_t at = 0; at < zip.bytes.size(); ++at) {
    for (const int change : {0x01, 0x80, 0xFF}) {
      BuiltZip changed = zip;
      changed.bytes[at] = static_cast<char>(changed.bytes[at] ^ change);
      try {
        const ZipArchive archive(changed.span(), "a.pth");
        for (const ZipEntry& entry : archive.entries()) {
          const auto data = archive.data(entry);
          ASSERT_TRUE(data.data() >= changed.span().data() &&
                      data.data() + data.size() <= changed.span().data() + changed.bytes.size());
          archive.verify_checksum(entry);
        }
      } catch (const Error&) {
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, zip.bytes.size());
}

// Sizes and offsets over 4 GiB, in memory that is reserved but never touched.
TEST(ZipArchive, ReadsWhatTheWriterWritesBeyond4GiB) {
  constexpr std::uint64_t kLarge = std::uint64_t{5} << 30;
  constexpr std::uint64_t kSpace = kLarge + (1 << 20);
  void* memory =
      ::mmap(nullptr, kSpace, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) GTEST_SKIP() << "cannot reserve 5 GiB of address space";
  auto* const begin = static_cast<std::byte*>(memory);
  std::uint64_t size = 0;
  ZipWriter writer([&](std::span<const std::byte> bytes) {
    ASSERT_LE(size + bytes.size(), kSpace);
    if (bytes.size() < kLarge)
      std::memcpy(begin + size, bytes.data(), bytes.size());  // the rest is zero already
    size += bytes.size();
  });
  const std::string text = "after";
  writer.add("m/data/large", std::span(begin, kLarge), 0);
  writer.add("m/data/after", bytes_of(text));
  writer.finish();
  const ZipArchive archive({begin, size}, "large.pth");
  ASSERT_EQ(archive.entries().size(), 2U);
  EXPECT_EQ(archive.data(archive.entries()[0]).size(), kLarge);
  EXPECT_GT(archive.entries()[1].local_header, kLarge);
  EXPECT_EQ(as_text(archive.data(archive.entries()[1])), text);
  archive.verify_checksum(archive.entries()[1]);
  ::munmap(memory, kSpace);
}

}  // namespace
}  // namespace lpmc::test
