#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace lpmc {

/// A prepared statement. bind() counts parameters from 1, columns count from 0.
class Statement {
 public:
  Statement() = default;
  Statement(sqlite3* database, const std::string& name, std::string_view sql);

  Statement& bind(int index, std::int64_t value);
  Statement& bind(int index, double value);
  Statement& bind(int index, std::string_view text);
  Statement& bind_null(int index);
  /// NULL for an empty text: it costs no byte.
  Statement& bind_text_or_null(int index, std::string_view text);

  /// The next row. false: no more, and the statement is ready to be bound again.
  bool step();
  /// Runs a statement that gives no rows (or whose rows do not matter).
  void run();
  void reset();

  std::int64_t integer(int column) const;
  double real(int column) const;
  std::string_view text(int column) const;  ///< valid until the next step() or reset(); NULL reads as ""
  bool is_null(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  void check(int code);

  sqlite3* database_ = nullptr;
  std::string name_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

/// An SQLite connection. Errors: corrupt (damaged, not a database), io (full disk, locked, no permission).
class Database {
 public:
  enum class Mode { read_only, read_write, create };
  Database() = default;
  Database(const std::filesystem::path& path, Mode mode);

  void execute(const std::string& sql);
  Statement prepare(std::string_view sql) const;
  std::int64_t integer(std::string_view sql) const;  ///< first column of the first row; 0 where there is none
  std::int64_t changes() const;                      ///< rows the last statement changed
  std::int64_t last_insert_rowid() const;
  bool in_transaction() const;

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };
  std::string name_;
  std::unique_ptr<sqlite3, Close> database_;
};

/// BEGIN IMMEDIATE ... COMMIT; rolled back when it goes uncommitted.
class Transaction {
 public:
  explicit Transaction(Database& database);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  Database& database_;
  bool open_ = true;
};

}  // namespace lpmc
