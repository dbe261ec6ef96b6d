#include "lpmc/audio/waveform_cache.h"

#include <csignal>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lpmc/audio/cache_fill.h"
#include "lpmc/audio/cache_index.h"

#include "tests/support/fixtures.h"
#include "tests/support/matchers.h"
#include "tests/support/wav.h"

namespace lpmc {
namespace {

namespace fs = std::filesystem;
using test::ThrowsLpmc;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

std::vector<std::int16_t> noise(int seed, std::size_t samples) {
  std::vector<std::int16_t> values(samples);
  for (std::size_t i = 0; i < samples; ++i)
    values[i] = static_cast<std::int16_t>((i * 7919 + static_cast<std::size_t>(seed) * 104729) % 65536);
  return values;
}

class Cache : public ::testing::Test {
 protected:
  fs::path cache() const { return folder_ / "cache"; }
  WaveformCacheWriter writer(std::int64_t shard_bytes = 1 << 20) const {
    return {cache(), {.sample_rate = 16000, .shard_bytes = shard_bytes}};
  }
  WaveformCache reader() const { return {cache(), 16000}; }
  void expect_entry(const WaveformCache& cache, const std::string& id,
                    const std::vector<std::int16_t>& samples) {
    const auto index = cache.find(id);
    ASSERT_TRUE(index) << id;
    EXPECT_THAT(cache.samples(*index), ElementsAreArray(samples));
    cache.verify(*index);
  }
  /// Changes one byte of a file.
  void damage(const fs::path& file, std::streamoff at) const {
    std::fstream stream(file, std::ios::binary | std::ios::in | std::ios::out);
    stream.seekg(at);
    const char byte = static_cast<char>(stream.get() ^ 1);
    stream.seekp(at);
    stream.put(byte);
  }

  test::TemporaryFolder folder_;
};

TEST_F(Cache, WhatIsCommittedIsReadBack) {
  {
    WaveformCacheWriter out = writer(1000);  // shards of 500 samples
    out.add("a", "a.wav", noise(1, 300));
    out.add("b/ü", "sub/b.wav", noise(2, 300));
    EXPECT_TRUE(out.contains("a"));
    EXPECT_FALSE(out.contains("c"));
    EXPECT_EQ(out.pending_bytes(), 1200);
    out.commit();
    EXPECT_EQ(out.pending_bytes(), 0);
    out.add("long", "l.wav", noise(3, 2000));  // more than a shard: one of its own
    out.add("c", "", noise(4, 1));
    out.commit();
  }
  const WaveformCache in = reader();
  EXPECT_EQ(in.size(), 4U);
  EXPECT_EQ(in.sample_rate(), 16000);
  expect_entry(in, "a", noise(1, 300));
  expect_entry(in, "b/ü", noise(2, 300));
  expect_entry(in, "long", noise(3, 2000));
  expect_entry(in, "c", noise(4, 1));
  EXPECT_EQ(in.entry(1).id, "b/ü");
  EXPECT_EQ(in.entry(1).source, "sub/b.wav");
  EXPECT_EQ(in.entry(1).samples, 300);
  EXPECT_FALSE(in.find("d"));
  EXPECT_TRUE(fs::exists(cache() / "shard-00003.s16"));
  EXPECT_THAT([&] { in.samples(4); },
              ThrowsLpmc(ErrorKind::invalid_argument, "expected an entry below 4, found 4"));
}

TEST_F(Cache, WhatIsNotCommittedIsGoneAndItsPlaceUsedAgain) {
  {
    WaveformCacheWriter out = writer(1000);
    out.add("a", "", noise(1, 300));
    out.commit();
    out.add("lost", "", noise(2, 300));
    out.add("lost, too", "", noise(3, 300));
  }
  EXPECT_EQ(reader().size(), 1U);
  EXPECT_TRUE(fs::exists(cache() / "shard-00002.s16"));
  {
    WaveformCacheWriter out = writer(1000);
    EXPECT_FALSE(fs::exists(cache() / "shard-00002.s16"));
    EXPECT_EQ(fs::file_size(cache() / "shard-00000.s16"), 600U);
    EXPECT_TRUE(out.contains("a"));
    EXPECT_FALSE(out.contains("lost"));
    out.add("b", "", noise(4, 200));
    out.commit();
    out.commit();
  }
  const WaveformCache in = reader();
  EXPECT_EQ(in.size(), 2U);
  expect_entry(in, "a", noise(1, 300));
  expect_entry(in, "b", noise(4, 200));
}

TEST_F(Cache, AReaderIsNotDisturbedByAWriter) {
  WaveformCacheWriter out = writer();
  out.add("a", "", noise(1, 300));
  out.commit();
  const WaveformCache in = reader();
  out.add("b", "", noise(2, 300));
  out.commit();
  EXPECT_EQ(in.size(), 1U);
  expect_entry(in, "a", noise(1, 300));
  EXPECT_EQ(reader().size(), 2U);
}

TEST_F(Cache, AnEmptyCacheIsOne) {
  EXPECT_THAT([&] { reader(); }, ThrowsLpmc(ErrorKind::not_found, "expected a waveform cache"));
  writer();
  EXPECT_EQ(reader().size(), 0U);
  EXPECT_FALSE(reader().find("a"));
}

TEST_F(Cache, AnotherRateIsRefusedWithBothNamed) {
  writer();
  EXPECT_THAT([&] { WaveformCache(cache(), 22050); },
              ThrowsLpmc(ErrorKind::invalid_argument, "cache: expected 22050 Hz, found 16000 Hz"));
  EXPECT_THAT([&] { WaveformCacheWriter(cache(), {.sample_rate = 22050}); },
              ThrowsLpmc(ErrorKind::invalid_argument, "expected 22050 Hz, found a cache of 16000 Hz"));
}

TEST_F(Cache, OneWriterAtATime) {
  const WaveformCacheWriter one = writer();
  EXPECT_THAT([&] { writer(); }, ThrowsLpmc(ErrorKind::io, "expected to be the only writer"));
}

TEST_F(Cache, TheCallersMistakes) {
  WaveformCacheWriter out = writer();
  out.add("a", "", noise(1, 3));
  EXPECT_THAT([&] { out.add("a", "", noise(1, 3)); }, ThrowsLpmc(ErrorKind::invalid_argument, "'a'"));
  EXPECT_THAT([&] { out.add("b", "", {}); }, ThrowsLpmc(ErrorKind::invalid_argument, "found none"));
  EXPECT_THAT([&] { out.add("", "", noise(1, 3)); }, ThrowsLpmc(ErrorKind::invalid_argument, "an id"));
  EXPECT_THAT([&] { out.add(std::string(70000, 'x'), "", noise(1, 3)); },
              ThrowsLpmc(ErrorKind::invalid_argument, "65535"));
  EXPECT_THAT([&] { WaveformCacheWriter(folder_ / "x", {.sample_rate = 0}); },
              ThrowsLpmc(ErrorKind::invalid_argument, "0 Hz"));
}

TEST_F(Cache, DamageIsFound) {
  {
    WaveformCacheWriter out = writer();
    out.add("a", "", noise(1, 300));
    out.add("b", "", noise(2, 300));
    out.commit();
  }
  damage(cache() / "shard-00000.s16", 601);
  {
    const WaveformCache in = reader();
    in.verify(0);
    EXPECT_THAT([&] { in.verify(1); }, ThrowsLpmc(ErrorKind::corrupt, "'b': expected samples with checksum"));
  }
  for (const std::streamoff at : {0, 4, 20, 40, 41, 60}) {
    damage(cache() / "index.bin", at);
    EXPECT_THAT([&] { reader(); }, ThrowsLpmc(ErrorKind::corrupt, "index.bin: entry")) << at;
    EXPECT_THAT([&] { writer(); }, ThrowsLpmc(ErrorKind::corrupt, "index.bin: entry")) << at;
    damage(cache() / "index.bin", at);
  }
  fs::resize_file(cache() / "shard-00000.s16", 1199);
  EXPECT_THAT([&] { reader(); },
              ThrowsLpmc(ErrorKind::corrupt, "shard-00000.s16: expected at least 1200 bytes, found 1199"));
  EXPECT_THAT([&] { writer(); }, ThrowsLpmc(ErrorKind::corrupt, "expected at least 1200 bytes, found 1199"));
  fs::resize_file(cache() / "index.bin", 60);
  EXPECT_THAT([&] { reader(); }, ThrowsLpmc(ErrorKind::corrupt, "index.bin: expected 82 bytes, found 60"));
  std::ofstream(cache() / "cache.json") << "{\"format\": \"other\"}";
  EXPECT_THAT([&] { reader(); }, ThrowsLpmc(ErrorKind::corrupt, "cache.json: expected \"format\""));
}

TEST_F(Cache, AFullDiskLeavesWhatWasCommitted) {
  const pid_t child = ::fork();
  if (child == 0) {
    // The limit on a file's size stands for the end of the disk.
    std::signal(SIGXFSZ, SIG_IGN);
    int code = 1;
    try {
      WaveformCacheWriter out = writer();
      out.add("a", "", noise(1, 300));
      out.commit();
      const rlimit limit{1000, 1000};
      ::setrlimit(RLIMIT_FSIZE, &limit);
      out.add("b", "", noise(2, 100));
      try {
        out.add("c", "", noise(3, 5000));
      } catch (const Error& error) {
        code = error.kind() == ErrorKind::io && !out.contains("c") ? 0 : 2;
        out.commit();  // "b" had room
      }
    } catch (...) {
      code = 3;
    }
    ::_exit(code);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  {
    const WaveformCache in = reader();
    EXPECT_EQ(in.size(), 2U);
    expect_entry(in, "a", noise(1, 300));
    expect_entry(in, "b", noise(2, 100));
  }
  WaveformCacheWriter again = writer();
  again.add("c", "", noise(3, 5000));
  again.commit();
  expect_entry(reader(), "c", noise(3, 5000));
}

TEST_F(Cache, AWriterKilledAtAnyMomentLeavesACache) {
  std::size_t before = 0;
  for (int round = 0; round < 12; ++round) {
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      WaveformCacheWriter out = writer(20000);
      int added = 0;
      for (int i = 0;; ++i) {
        const std::string id = std::to_string(i);
        if (out.contains(id)) continue;
        out.add(id, "s", noise(i, static_cast<std::size_t>(100 + i % 700)));
        if (i % 3 == 0) out.commit();
        // However slow the disk is, each writer commits something before it is killed.
        if (++added == 4 && ::write(ready[1], "x", 1) != 1) ::_exit(1);
      }
    }
    ::close(ready[1]);
    char byte = 0;
    EXPECT_EQ(::read(ready[0], &byte, 1), 1);
    ::close(ready[0]);
    ::usleep(static_cast<useconds_t>(1000 + 1777 * round));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    const WaveformCache in = reader();
    EXPECT_GE(in.size(), before);
    before = in.size();
    for (std::size_t i = 0; i < in.size(); ++i) {
      ASSERT_EQ(in.entry(i).id, std::to_string(i));
      const int number = static_cast<int>(i);
      ASSERT_THAT(in.samples(i),
                  ElementsAreArray(noise(number, static_cast<std::size_t>(100 + number % 700))));
    }
  }
  EXPECT_GT(before, 10U);
}

TEST_F(Cache, ManyEntriesAreFound) {
  constexpr int kEntries = 20000;
  std::string index;
  std::vector<std::string> ids;
  for (int i = 0; i < kEntries; ++i)
    ids.push_back("track/" + std::to_string(i * 31));
  for (const std::string& id : ids)
    detail::append_cache_entry(index, {.id = id, .source = "", .samples = 1});
  const detail::CacheIndex found(std::as_bytes(std::span(index)), kEntries, "index");
  for (int i = 0; i < kEntries; ++i)
    ASSERT_EQ(found.find(ids[static_cast<std::size_t>(i)]), static_cast<std::size_t>(i));
  EXPECT_FALSE(found.find("track/1"));
  EXPECT_THAT([&] { detail::CacheIndex(std::as_bytes(std::span(index)), kEntries - 1, "index"); },
              ThrowsLpmc(ErrorKind::corrupt, "found more"));
  EXPECT_THAT([&] { detail::CacheIndex(std::as_bytes(std::span(index)), kEntries + 1, "index"); },
              ThrowsLpmc(ErrorKind::corrupt, "expected 20001 entries, found 20000"));
  index += index;
  EXPECT_THAT([&] { detail::CacheIndex(std::as_bytes(std::span(index)), 2 * kEntries, "index"); },
              ThrowsLpmc(ErrorKind::corrupt, "found 'track/0' twice"));
}

TEST_F(Cache, IsFilledFromFilesAndGoesOn) {
  std::vector<CacheJob> jobs;
  for (int i = 0; i < 8; ++i) {
    const std::string name = std::to_string(i);
    test::write_wav(folder_ / (name + ".wav"), test::chord_int16(0.5 + 0.1 * i, i));
    jobs.push_back({name, folder_ / (name + ".wav")});
  }
  jobs.push_back({"none", folder_ / "none.wav"});
  test::write_bytes(folder_ / "bad.wav", "this is no sound");
  jobs.push_back({"bad", folder_ / "bad.wav"});
  std::vector<std::string> failures;
  std::size_t told = 0;
  CacheFill fill;
  fill.commit_bytes = 30000;
  fill.on_failure = [&](const CacheJob& job, const Error&) { failures.push_back(job.id); };
  fill.on_progress = [&](const CacheFillCounts&) { ++told; };
  WaveformCacheWriter out = writer();
  const CacheFillCounts first = fill_cache(out, std::span(jobs).first(3), fill);
  EXPECT_EQ(first.done, 3U);
  const CacheFillCounts counts = fill_cache(out, jobs, fill);
  EXPECT_EQ(counts.done, 5U);
  EXPECT_EQ(counts.there, 3U);
  EXPECT_EQ(counts.failed, 2U);
  EXPECT_EQ(told, 13U);
  EXPECT_THAT(failures, ::testing::UnorderedElementsAre("none", "bad"));
  const WaveformCache in = reader();
  EXPECT_EQ(in.size(), 8U);
  for (int i = 0; i < 8; ++i)
    expect_entry(in, std::to_string(i), test::chord_int16(0.5 + 0.1 * i, i));
  EXPECT_THAT(in.entry(*in.find("3")).source, HasSubstr("3.wav"));
}

TEST_F(Cache, FillingStopsWhenAskedAndKeepsWhatIsDone) {
  std::vector<CacheJob> jobs;
  for (int i = 0; i < 50; ++i) {
    const std::string name = std::to_string(i);
    test::write_wav(folder_ / (name + ".wav"), test::chord_int16(0.2, i % 5));
    jobs.push_back({name, folder_ / (name + ".wav")});
  }
  std::stop_source stop;
  CacheFill fill;
  fill.stop = stop.get_token();
  fill.on_progress = [&](const CacheFillCounts& counts) {
    if (counts.done == 5) stop.request_stop();
  };
  WaveformCacheWriter out = writer();
  EXPECT_THAT([&] { fill_cache(out, jobs, fill); }, ThrowsLpmc(ErrorKind::cancelled, "in the cache"));
  EXPECT_GE(reader().size(), 5U);
  EXPECT_LT(reader().size(), 50U);
}

}  // namespace
}  // namespace lpmc
