#include "lpmc/training/checkpoint.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "lpmc/base/atomic_file.h"
#include "lpmc/base/error.h"
#include "lpmc/base/log.h"
#include "lpmc/base/mapped_file.h"
#include "lpmc/base/utf8.h"
#include "lpmc/checkpoint/zip_writer.h"
#include "lpmc/model/model_dir.h"

namespace lpmc {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int kStateVersion = 1;

std::string state_name(std::int64_t step) {
  return fmt::format("{:012}", step);
}

/// Names of the states in the folder, newest first; whatever else lies there is left alone.
std::vector<std::string> state_names(const fs::path& folder) {
  std::set<std::string, std::greater<>> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string stem = entry.path().stem().string();
    const std::string extension = entry.path().extension().string();
    const bool is_number =
        stem.size() == 12 && std::ranges::all_of(stem, [](char c) { return c >= '0' && c <= '9'; });
    if (is_number && (extension == ".json" || extension == ".safetensors")) names.insert(stem);
  }
  return {names.begin(), names.end()};
}

void remove_state(const fs::path& folder, const std::string& name) {
  std::error_code ignored;  // a state too many does no harm
  fs::remove(folder / (name + ".json"), ignored);
  fs::remove(folder / (name + ".safetensors"), ignored);
}

std::uint32_t checksum_of(const fs::path& path, std::uint64_t& bytes) {
  const MappedFile file(path);
  bytes = file.bytes().size();
  const std::uint32_t checksum = zip_checksum(file.bytes());
  drop_pages(file.bytes());
  return checksum;
}

SavedState read_state(const fs::path& folder, const std::string& name) {
  const fs::path facts_path = folder / (name + ".json");
  const fs::path tensors_path = folder / (name + ".safetensors");
  json file = read_json_file(facts_path);
  LPMC_REQUIRE(file.is_object() && file.value("version", json()) == kStateVersion, unsupported,
               "{}: expected a training state of version {}", display_path(facts_path), kStateVersion);
  std::uint64_t bytes = 0;
  const std::uint32_t checksum = checksum_of(tensors_path, bytes);
  LPMC_REQUIRE(file["bytes"] == bytes && file["crc32"] == checksum, corrupt,
               "{}: expected {} bytes with the checksum {}, found {} with {}", display_path(tensors_path),
               file["bytes"].dump(), file["crc32"].dump(), bytes, checksum);
  return {std::move(file["facts"]), TensorFile::open(tensors_path)};
}

}  // namespace

StateFolder::StateFolder(fs::path folder, int keep) : folder_(std::move(folder)), keep_(keep) {}

void StateFolder::save(std::int64_t step, std::span<const NamedTensor> tensors, const json& facts) {
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) fail_errno(display_path(folder_), error.value());
  const std::string name = state_name(step);
  const fs::path tensors_path = folder_ / (name + ".safetensors");
  fs::remove(folder_ / (name + ".json"), error);  // it would vouch for other tensors for a moment
  write_safetensors(tensors_path, tensors, {{"format", "pt"}});
  std::uint64_t bytes = 0;
  const std::uint32_t checksum = checksum_of(tensors_path, bytes);
  const json file = {{"version", kStateVersion}, {"bytes", bytes}, {"crc32", checksum}, {"facts", facts}};
  write_file_atomically(folder_ / (name + ".json"), file.dump(2) + "\n");
  const std::vector<std::string> names = state_names(folder_);
  for (std::size_t i = static_cast<std::size_t>(keep_); i < names.size(); ++i)
    remove_state(folder_, names[i]);
}

std::optional<SavedState> StateFolder::newest() const {
  for (const std::string& name : state_names(folder_)) {
    std::error_code ignored;
    if (!fs::exists(folder_ / (name + ".json"), ignored)) continue;  // it was killed while being written
    try {
      return read_state(folder_, name);
    } catch (const Error& error) {
      log(LogLevel::warning, "{}; the state before it is taken", error.what());
    }
  }
  return std::nullopt;
}

void StateFolder::clear() {
  for (const std::string& name : state_names(folder_))
    remove_state(folder_, name);
}

}  // namespace lpmc
