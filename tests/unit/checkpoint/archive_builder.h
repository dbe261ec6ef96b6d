#pragma once

// Archives and pickles made byte by byte, so that tests can say exactly what is wrong with them.

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "lpmc/base/error.h"

namespace lpmc::test {

struct ZipItem {
  std::string name;
  std::string data = {};
  std::uint16_t method = 0;
  std::uint16_t flags = 0;
  bool descriptor = false;  ///< local header without sizes, a descriptor after the data
  bool zip64 = false;       ///< sizes and offset in the extra field
};

struct ZipLayout {
  std::string comment = {};
  bool zip64_end = false;
};

/// An archive and where its records begin, for tests that overwrite fields.
struct BuiltZip {
  std::string bytes;
  std::vector<std::size_t> local;
  std::vector<std::size_t> central;
  std::size_t zip64_end = 0;
  std::size_t end = 0;

  template <class T>
  BuiltZip& patch(std::size_t offset, T value) {
    EXPECT_LE(offset + sizeof value, bytes.size());
    std::memcpy(bytes.data() + offset, &value, sizeof value);
    return *this;
  }
  std::span<const std::byte> span() const { return std::as_bytes(std::span(bytes)); }
};

BuiltZip build_zip(const std::vector<ZipItem>& items, const ZipLayout& layout = {});

/// Pieces of a pickle.
namespace pickle {
std::string text(std::string_view value);
std::string integer(std::int32_t value);
std::string long_integer(std::int64_t value);
std::string global(std::string_view module, std::string_view name);
/// A tuple of values that are pickled already.
std::string tuple(const std::vector<std::string>& values);
std::string integers(const std::vector<std::int64_t>& values);
std::string dict(const std::vector<std::pair<std::string, std::string>>& items);
std::string ordered_dict(const std::vector<std::pair<std::string, std::string>>& items);
std::string whole(std::string_view body);

struct TensorFields {
  std::string key = "0";
  std::string type = "FloatStorage";
  std::int64_t elements = 6;
  std::int64_t offset = 0;
  std::vector<std::int64_t> sizes = {2, 3};
  std::vector<std::int64_t> strides = {3, 1};
  std::string location = "cpu";
};
std::string tensor(const TensorFields& fields = {});
}  // namespace pickle

/// An archive named "model" of a pickle and storages by key.
std::string build_checkpoint(const std::string& pickle, const std::map<std::string, std::string>& storages);

/// The floats 0, 1, 2, ...
std::string float_bytes(std::size_t count);

std::span<const std::byte> bytes_of(const std::string& text);

void write_file(const std::filesystem::path& path, std::string_view text);

/// Runs `action`, which must throw an Error of that kind; its message.
std::string message_of(ErrorKind kind, const std::function<void()>& action);

}  // namespace lpmc::test
