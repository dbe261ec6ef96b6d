#include "lpmc/tag_to_caption/sqlite_database.h"

#include <sqlite3.h>

#include "lpmc/base/error.h"
#include "lpmc/base/log.h"
#include "lpmc/base/utf8.h"

namespace lpmc {
namespace {

/// Another process holds the write lock for a few milliseconds at a time; a minute means that it hangs.
constexpr int kBusyTimeoutMs = 60'000;

[[noreturn]] void fail_sqlite(sqlite3* database, const std::string& name, int code) {
  const char* detail = database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(code);
  switch (code & 0xFF) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      fail(ErrorKind::corrupt, "{}: expected a sound database, found a damaged one ({})", name, detail);
    case SQLITE_FULL:
      fail(ErrorKind::io, "{}: the disk is full", name);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      fail(ErrorKind::io, "{}: another process has held the database locked for {} s", name,
           kBusyTimeoutMs / 1000);
    default:
      fail(ErrorKind::io, "{}: {}", name, detail);
  }
}

}  // namespace

Statement::Statement(sqlite3* database, const std::string& name, std::string_view sql)
    : database_(database), name_(name) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(database, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  statement_.reset(statement);
  check(code);
}

void Statement::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

void Statement::check(int code) {
  if (code == SQLITE_OK) return;
  // The message belongs to the connection and a reset may replace it: it is read first.
  try {
    fail_sqlite(database_, name_, code);
  } catch (const Error&) {
    sqlite3_reset(statement_.get());
    throw;
  }
}

Statement& Statement::bind(int index, std::int64_t value) {
  check(sqlite3_bind_int64(statement_.get(), index, value));
  return *this;
}

Statement& Statement::bind(int index, double value) {
  check(sqlite3_bind_double(statement_.get(), index, value));
  return *this;
}

Statement& Statement::bind(int index, std::string_view text) {
  // A null pointer would bind NULL instead of an empty text.
  const char* data = text.data() != nullptr ? text.data() : "";
  check(sqlite3_bind_text64(statement_.get(), index, data, text.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
  return *this;
}

Statement& Statement::bind_null(int index) {
  check(sqlite3_bind_null(statement_.get(), index));
  return *this;
}

Statement& Statement::bind_text_or_null(int index, std::string_view text) {
  return text.empty() ? bind_null(index) : bind(index, text);
}

bool Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    sqlite3_reset(statement_.get());
    return false;
  }
  check(code);
  return false;
}

void Statement::run() {
  while (step()) {
  }
}

void Statement::reset() {
  sqlite3_reset(statement_.get());
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

double Statement::real(int column) const {
  return sqlite3_column_double(statement_.get(), column);
}

std::string_view Statement::text(int column) const {
  const unsigned char* data = sqlite3_column_text(statement_.get(), column);
  if (data == nullptr) return {};
  return {reinterpret_cast<const char*>(data),
          static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

Database::Database(const std::filesystem::path& path, Mode mode) : name_(display_path(path)) {
  int flags = SQLITE_OPEN_READWRITE;
  if (mode == Mode::read_only) flags = SQLITE_OPEN_READONLY;
  if (mode == Mode::create) flags |= SQLITE_OPEN_CREATE;
  sqlite3* database = nullptr;
  // Made absolute so that a name such as ":memory:" or "file:..." stays a file's name.
  const int code = sqlite3_open_v2(std::filesystem::absolute(path).c_str(), &database, flags, nullptr);
  database_.reset(database);
  if (code != SQLITE_OK) fail_sqlite(database, name_, code);
  sqlite3_busy_timeout(database, kBusyTimeoutMs);
}

void Database::Close::operator()(sqlite3* database) const {
  sqlite3_close_v2(database);
}

void Database::execute(const std::string& sql) {
  const int code = sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail_sqlite(database_.get(), name_, code);
}

Statement Database::prepare(std::string_view sql) const {
  return {database_.get(), name_, sql};
}

std::int64_t Database::integer(std::string_view sql) const {
  Statement statement = prepare(sql);
  return statement.step() ? statement.integer(0) : 0;
}

std::int64_t Database::changes() const {
  return sqlite3_changes64(database_.get());
}

std::int64_t Database::last_insert_rowid() const {
  return sqlite3_last_insert_rowid(database_.get());
}

bool Database::in_transaction() const {
  return sqlite3_get_autocommit(database_.get()) == 0;
}

Transaction::Transaction(Database& database) : database_(database) {
  database_.execute("BEGIN IMMEDIATE");
}

Transaction::~Transaction() {
  // SQLite has rolled back by itself after some errors (full disk).
  if (!open_ || !database_.in_transaction()) return;
  try {
    database_.execute("ROLLBACK");
  } catch (const Error& error) {
    log(LogLevel::warning, "{}", error.what());
  }
}

void Transaction::commit() {
  database_.execute("COMMIT");
  open_ = false;
}

}  // namespace lpmc
