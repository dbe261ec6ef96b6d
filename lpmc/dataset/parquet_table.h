#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace lpmc {

// Tables in Apache Parquet's format, by the library Arrow. A build without it (CMake: LPMC_WITH_PARQUET) has
// the same functions, which say so.

/// Whether this build reads and writes Parquet.
bool has_parquet();

/// Nothing where has_parquet(). @param thing the file or flag that wants it, for the message
/// @throws Error(unsupported) that says how to get it
void require_parquet(const std::string& thing);

/// Calls `take` for every row with an object of its columns and its number, from 1. Text is UTF-8 (ill-formed
/// bytes as U+FFFD), lists are arrays, structs are objects, null and NaN are null; dates, times and decimals
/// are their text. Bytes that are not text are null, and the "bytes" of a struct, in which Hugging Face's
/// audio and image columns keep whole files, are not read at all. Some thousand rows at a time are in memory.
/// @throws Error(not_found, io) when it cannot be read, Error(corrupt) when it is damaged or no Parquet,
/// Error(unsupported) for encryption and the like, and where !has_parquet(); all name the file
void read_parquet_rows(const std::filesystem::path& path,
                       const std::function<void(const nlohmann::json& row, std::uint64_t number)>& take);

struct ParquetColumn {
  enum class Type { text, texts, integer, number, boolean };
  std::string name;
  Type type = Type::text;  ///< texts: a list of strings
};

/// Writes a table row by row. The file is there whole after commit(), or not at all; equal rows give equal
/// bytes (with the same version of Arrow).
class ParquetWriter {
 public:
  /// @throws as AtomicFile; Error(unsupported) where !has_parquet()
  ParquetWriter(const std::filesystem::path& path, std::vector<ParquetColumn> columns);
  ~ParquetWriter();
  ParquetWriter(const ParquetWriter&) = delete;
  ParquetWriter& operator=(const ParquetWriter&) = delete;

  /// @param row an object; a column that is null or not there is null in the file, other keys are left out
  /// @throws Error(invalid_argument) for a value of another type, Error(io) on a full disk and the like
  void write(const nlohmann::json& row);
  /// @throws Error(io)
  void commit();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lpmc
