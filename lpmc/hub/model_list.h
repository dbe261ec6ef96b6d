#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lpmc {

/// A file of a named model.
struct HubFile {
  std::string path;        ///< below the model's source, and below the folder it is put into
  std::uint64_t size = 0;  ///< 0 where the list does not know it
  std::string sha256;      ///< 64 hex digits, lower case; "" where the list does not know it
};

/// A model that can be fetched by name.
struct HubModel {
  enum class Kind { language_model, captioner, text_encoder };
  std::string name;
  Kind kind = Kind::captioner;
  std::string summary, license, license_url;
  std::string source;  ///< URL of the folder that holds the files
  std::vector<HubFile> files;

  /// Bytes of all files; nothing where the list does not know one of them.
  std::optional<std::uint64_t> size() const;
};

/// The named models of a list (data/models.json). A file's size and SHA-256 may be left out, both together.
/// @throws Error(not_found, corrupt) naming file, entry, expected, found
std::vector<HubModel> read_model_list(const std::filesystem::path& path);
/// @param name of the text, for messages
std::vector<HubModel> parse_model_list(std::string_view json, std::string_view name);

}  // namespace lpmc
