#include "lpmc/tag_to_caption/job_database.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <map>
#include <string>
#include <system_error>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"

namespace lpmc {
namespace {

/// "lpmc" in ASCII, in SQLite's field for the application: `file` and we know the database by it.
constexpr std::uint32_t kApplicationId = 0x6C706D63;
constexpr std::uint32_t kSchemaVersion = 1;
/// PRAGMA quick_check reads every page; up to this size that takes less than a second.
constexpr std::uintmax_t kQuickCheckBytes = 64U << 20U;

// Small rows where there are many: a waiting job is some ten bytes. Texts that repeat (model, sampling, tool)
// are once in `settings`. What a job ended with is a row of its own, so that job rows hardly grow.
// jobs.state: JobState. jobs.owner: the process that holds it (owners.no), or -batches.no.
// jobs.attempts counts those that count (not 429), jobs.answers those that brought text.
constexpr const char* kSchema[] = {
    "CREATE TABLE records(no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, split TEXT, tags TEXT NOT NULL,"
    " extra TEXT, prompts INTEGER NOT NULL)",
    "CREATE TABLE prompts(no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, hash TEXT NOT NULL,"
    " singular TEXT NOT NULL, plural TEXT NOT NULL, dictionary INTEGER NOT NULL)",
    "CREATE TABLE jobs(id INTEGER PRIMARY KEY, state INTEGER NOT NULL DEFAULT 0, owner INTEGER,"
    " attempts INTEGER NOT NULL DEFAULT 0, answers INTEGER NOT NULL DEFAULT 0, last_attempt INTEGER,"
    " last_answer INTEGER)",
    "CREATE INDEX waiting_jobs ON jobs(state) WHERE state = 0",
    "CREATE TABLE results(job INTEGER PRIMARY KEY, caption TEXT, attributes TEXT, validation TEXT,"
    " flaws INTEGER, error TEXT)",
    "CREATE TABLE settings(no INTEGER PRIMARY KEY, model TEXT NOT NULL, prompt_hash TEXT NOT NULL,"
    " sampling TEXT NOT NULL, tool_version TEXT NOT NULL, UNIQUE(model, prompt_hash, sampling, "
    "tool_version))",
    "CREATE TABLE attempts(no INTEGER PRIMARY KEY, job INTEGER NOT NULL, settings INTEGER NOT NULL,"
    " seed INTEGER, text TEXT, finish_reason TEXT, error TEXT, status INTEGER, prompt_tokens INTEGER,"
    " completion_tokens INTEGER, usage_reported INTEGER, latency_s REAL, cost_usd REAL, time_unix_ms "
    "INTEGER)",
    "CREATE TABLE totals(no INTEGER PRIMARY KEY, attempts INTEGER NOT NULL, prompt_tokens INTEGER NOT NULL,"
    " completion_tokens INTEGER NOT NULL, cost_usd REAL NOT NULL)",
    "CREATE TABLE owners(no INTEGER PRIMARY KEY AUTOINCREMENT, identity TEXT NOT NULL,"
    " lease_unix_ms INTEGER NOT NULL, held INTEGER NOT NULL)",
    "CREATE TABLE batches(no INTEGER PRIMARY KEY AUTOINCREMENT, token TEXT NOT NULL, state TEXT NOT NULL,"
    " jobs INTEGER NOT NULL, file_id TEXT, remote_id TEXT, collector INTEGER)",
    "CREATE TABLE notes(key TEXT PRIMARY KEY, value TEXT NOT NULL)",
};

/// The first page's header (SQLite file format, section 1.3): numbers are big-endian.
struct FileHeader {
  std::array<unsigned char, 100> bytes{};
  std::uint32_t number(std::size_t offset, std::size_t size) const {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < size; ++i)
      value = value << 8U | bytes[offset + i];
    return value;
  }
};

/// Looks at the file's own header, before SQLite may touch the file. @return false for a new (or empty) file
bool check_header(const std::filesystem::path& path, const std::string& name) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) return false;
  LPMC_REQUIRE(std::filesystem::is_regular_file(status), invalid_argument,
               "{}: expected a database file, found something that is no regular file", name);
  const std::uintmax_t size = std::filesystem::file_size(path);
  if (size == 0) return false;
  FileHeader header;
  std::ifstream file(path, std::ios::binary);
  LPMC_REQUIRE(file.is_open(), io, "{}: cannot be read", name);
  file.read(reinterpret_cast<char*>(header.bytes.data()), static_cast<std::streamsize>(header.bytes.size()));
  LPMC_REQUIRE(file.gcount() == 100 && std::memcmp(header.bytes.data(), "SQLite format 3", 16) == 0, corrupt,
               "{}: expected a tag-to-caption database, found a file that is no SQLite database", name);
  LPMC_REQUIRE(header.number(68, 4) == kApplicationId, corrupt,
               "{}: expected a tag-to-caption database, found an SQLite database of another program", name);
  LPMC_REQUIRE(header.number(60, 4) == kSchemaVersion, unsupported,
               "{}: expected a database of version {}, found version {}", name, kSchemaVersion,
               header.number(60, 4));
  // A file cut off. With a write-ahead log beside it a checkpoint may have been interrupted: that is no
  // damage.
  const std::uintmax_t page = header.number(16, 2) == 1 ? 65536U : header.number(16, 2);
  const bool size_is_valid = header.number(24, 4) == header.number(92, 4);
  std::error_code no_log;
  const std::uintmax_t log_size = std::filesystem::file_size(path.string() + "-wal", no_log);
  if (size_is_valid && (no_log || log_size == 0)) {
    LPMC_REQUIRE(size >= page * header.number(28, 4), corrupt,
                 "{}: expected {} pages of {} bytes, found a file of {} bytes: it was cut off", name,
                 header.number(28, 4), page, size);
  }
  return true;
}

/// Compares the schema with ours, on a connection that cannot write. @return false when there is none yet
bool check_schema(const std::filesystem::path& path, const std::string& name) {
  Database database(path, Database::Mode::read_only);
  std::map<std::string, std::string> found;
  Statement statement = database.prepare("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL");
  while (statement.step())
    found.emplace(statement.text(0), statement.text(1));
  if (found.empty()) return false;
  found.erase("sqlite_sequence");
  std::size_t known = 0;
  for (const char* const sql : kSchema) {
    for (const auto& [table, text] : found)
      known += text == sql ? 1 : 0;
  }
  LPMC_REQUIRE(known == std::size(kSchema) && found.size() == known, corrupt,
               "{}: expected the tables of a tag-to-caption database, found others", name);
  if (std::filesystem::file_size(path) <= kQuickCheckBytes) {
    Statement check = database.prepare("PRAGMA quick_check(1)");
    const bool row = check.step();
    LPMC_REQUIRE(row && check.text(0) == "ok", corrupt, "{}: expected a sound database, found: {}", name,
                 row ? std::string(check.text(0)) : "no answer of quick_check");
  }
  return true;
}

/// One transaction: whoever opens the file meanwhile, or after a kill, finds the whole schema or nothing.
void create_schema(Database& database) {
  Transaction transaction(database);
  if (database.integer("SELECT count(*) FROM sqlite_master") == 0) {
    for (const char* const sql : kSchema)
      database.execute(sql);
    database.execute("INSERT INTO totals VALUES(1, 0, 0, 0, 0)");
    database.execute("PRAGMA application_id = " + std::to_string(kApplicationId));
    database.execute("PRAGMA user_version = " + std::to_string(kSchemaVersion));
  }
  transaction.commit();
}

}  // namespace

Database open_job_database(const std::filesystem::path& path) {
  const std::string name = display_path(path);
  const bool there = check_header(path, name) && check_schema(path, name);
  if (!there && path.has_parent_path()) {
    LPMC_REQUIRE(std::filesystem::is_directory(path.parent_path()), not_found,
                 "{}: expected a folder to make the database in, found none", name);
  }
  Database database(path, Database::Mode::create);
  if (!there) create_schema(database);
  database.execute("PRAGMA journal_mode = WAL");
  // Every commit reaches the disk: answers are paid for, and a power cut must not lose them. Commits are few.
  database.execute("PRAGMA synchronous = FULL");
  database.execute("PRAGMA cache_size = -32000");
  database.execute("PRAGMA temp_store = MEMORY");
  // The log is cut back after a checkpoint; else it keeps the size of the largest import.
  database.execute("PRAGMA journal_size_limit = 16777216");
  return database;
}

}  // namespace lpmc
