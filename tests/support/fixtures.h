#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace lpmc::test {

/// The folder of reference numbers (environment variable LPMC_FIXTURES), if it is there.
std::optional<std::filesystem::path> fixtures();

/// A file or folder beside the fixtures ("models/v0"), if it is there.
std::optional<std::filesystem::path> shared_path(const std::string& relative);

/// Reads a whole file; fails the test when it cannot.
std::string read_file(const std::filesystem::path& path);

/// A fresh empty folder, removed with the object.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace lpmc::test

/// Skips the test, with the reason, where the reference numbers are not there.
#define LPMC_SKIP_WITHOUT_FIXTURES() \
  if (!::lpmc::test::fixtures()) GTEST_SKIP() << "LPMC_FIXTURES names no folder of fixtures"
