// Databases that are foreign, damaged or on a full disk.

#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>

#include "lpmc/base/error.h"
#include "lpmc/tag_to_caption/job_store.h"

#include "tests/unit/tag_to_caption/store_records.h"

namespace lpmc {
namespace {

using test::all;
using test::make_records;
using test::result_of;
using test::StoreFolder;

std::string read_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void write_bytes(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

ErrorKind kind_of_opening(const std::filesystem::path& path) {
  try {
    const JobStore store(path);
  } catch (const Error& error) {
    return error.kind();
  }
  ADD_FAILURE() << "opened";
  return ErrorKind::cancelled;
}

void finish_all(JobStore& store) {
  for (auto jobs = store.take(100, 60); !jobs.empty(); jobs = store.take(100, 60)) {
    for (const Job& job : jobs)
      store.finish(job.id, result_of(job.record_id + "/" + job.prompt_id));
    store.flush();
  }
}

TEST(JobStoreFile, ForeignFilesAreRefusedUntouched) {
  const StoreFolder folder;
  const auto text = folder.file("text");
  write_bytes(text, "not a database at all, but long enough to have a header of one hundred bytes. " +
                        std::string(100, 'x'));
  const auto tiny = folder.file("tiny");
  write_bytes(tiny, "SQLite format 3");
  const auto foreign = folder.file("foreign.sqlite");
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(foreign.c_str(), &database), SQLITE_OK);
  sqlite3_exec(database, "CREATE TABLE jobs(id INTEGER PRIMARY KEY)", nullptr, nullptr, nullptr);
  sqlite3_close(database);
  for (const auto& path : {text, tiny, foreign}) {
    const std::string before = read_bytes(path);
    EXPECT_EQ(kind_of_opening(path), ErrorKind::corrupt) << path;
    EXPECT_EQ(read_bytes(path), before);
    EXPECT_FALSE(std::filesystem::exists(path.string() + "-wal"));
  }
  EXPECT_EQ(kind_of_opening(folder.file("")), ErrorKind::invalid_argument);
  EXPECT_EQ(kind_of_opening(folder.file("no/such/folder.sqlite")), ErrorKind::not_found);
}

TEST(JobStoreFile, AnotherVersionIsRefusedUntouched) {
  const StoreFolder folder;
  { JobStore store(folder.database()); }
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(folder.database().c_str(), &database), SQLITE_OK);
  sqlite3_exec(database, "PRAGMA user_version = 99", nullptr, nullptr, nullptr);
  sqlite3_close(database);
  const std::string before = read_bytes(folder.database());
  EXPECT_EQ(kind_of_opening(folder.database()), ErrorKind::unsupported);
  EXPECT_EQ(read_bytes(folder.database()), before);
}

TEST(JobStoreFile, AChangedSchemaIsRefused) {
  const StoreFolder folder;
  { JobStore store(folder.database()); }
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(folder.database().c_str(), &database), SQLITE_OK);
  sqlite3_exec(database, "ALTER TABLE jobs ADD COLUMN more TEXT", nullptr, nullptr, nullptr);
  sqlite3_close(database);
  EXPECT_EQ(kind_of_opening(folder.database()), ErrorKind::corrupt);
}

TEST(JobStoreFile, ACutOffFileIsRefusedUntouched) {
  const StoreFolder folder;
  {
    JobStore store(folder.database());
    store.add(make_records(500), published_prompts());
  }
  const std::string whole = read_bytes(folder.database());
  for (const double share : {0.2, 0.5, 0.99}) {
    const std::string cut =
        whole.substr(0, static_cast<std::size_t>(share * static_cast<double>(whole.size())));
    write_bytes(folder.database(), cut);
    EXPECT_EQ(kind_of_opening(folder.database()), ErrorKind::corrupt);
    EXPECT_EQ(read_bytes(folder.database()), cut);
  }
}

TEST(JobStoreFile, AnEmptyFileBecomesADatabase) {
  const StoreFolder folder;
  write_bytes(folder.database(), "");
  EXPECT_EQ(JobStore(folder.database()).add(make_records(1), published_prompts()), 4);
}

// Whatever bytes are wrong: an Error of ours or a result, no crash (run under AddressSanitizer too).
TEST(JobStoreFile, DamagedBytesNeverCrash) {
  const StoreFolder folder;
  {
    JobStore store(folder.database());
    store.add(make_records(60), published_prompts());
    finish_all(store);
  }
  const std::string whole = read_bytes(folder.database());
  std::mt19937 random(5);
  int refused = 0;
  for (int round = 0; round < 150; ++round) {
    std::string bytes = whole;
    for (int i = 0; i < 1 + round % 20; ++i)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    const auto path = folder.file("damaged.sqlite");
    for (const char* const end : {"", "-wal", "-shm"})
      std::filesystem::remove(path.string() + end);
    write_bytes(path, bytes);
    try {
      JobStore store(path);
      (void)store.counts();
      store.for_each([](const StoredCaption&) {});
      store.add(make_records(70), published_prompts());
      finish_all(store);
    } catch (const Error&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 50);
}

/// Lets no file grow beyond `bytes`, as a full disk would, for as long as it lives.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    before_ = ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &limit_);
    const rlimit lower{bytes, limit_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &lower);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &limit_);
    ::signal(SIGXFSZ, before_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit limit_{};
  void (*before_)(int) = nullptr;
};

TEST(JobStoreFile, AFullDiskLosesNothing) {
  const StoreFolder folder;
  JobStore store(folder.database());
  store.add(make_records(200), published_prompts());
  const std::vector<Job> jobs = store.take(800, 60);
  ASSERT_EQ(jobs.size(), 800U);
  const auto log_size = std::filesystem::file_size(folder.database().string() + "-wal");
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    Attempt attempt;
    attempt.model = "m" + std::to_string(i % 3);
    attempt.raw_text = std::string(2000, 'x');
    store.record_attempt(jobs[i].id, attempt);
    store.finish(jobs[i].id, result_of("caption " + std::to_string(i)));
  }
  {
    const FullDisk full(log_size + 100'000);
    for (int i = 0; i < 3; ++i) {
      try {
        store.flush();
        ADD_FAILURE() << "written to a full disk";
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::io) << error.what();
      }
      EXPECT_EQ(store.queued(), 1600U);
    }
  }
  store.flush();
  EXPECT_EQ(store.counts().done, 800);
  EXPECT_EQ(store.counts().attempts, 800);
  const auto items = all(store);
  EXPECT_EQ(items[799].result.caption, "caption 799");
  EXPECT_EQ(items[799].last_attempt.model, "m1");
}

}  // namespace
}  // namespace lpmc
