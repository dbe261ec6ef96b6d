#include "lpmc/hub/model_list.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include <nlohmann/json.hpp>

#include "lpmc/base/error.h"
#include "lpmc/base/mapped_file.h"
#include "lpmc/base/utf8.h"

namespace lpmc {
namespace {

using nlohmann::json;

std::string text_field(const json& object, const char* key, const std::string& where) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  LPMC_REQUIRE(found != object.end() && found->is_string() && !found->get_ref<const std::string&>().empty(),
               corrupt, "{}: {}: expected a text", where, key);
  return found->get<std::string>();
}

const json& list_field(const json& object, const char* key, const std::string& where) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  LPMC_REQUIRE(found != object.end() && found->is_array(), corrupt, "{}: {}: expected a list", where, key);
  return *found;
}

/// A name that stays in the folder it is put into.
bool is_plain_path(const std::string& path) {
  const std::filesystem::path parts(path);
  if (path.find('\0') != std::string::npos) return false;
  return parts.is_relative() &&
         std::none_of(parts.begin(), parts.end(), [](const std::filesystem::path& part) {
           return part == ".." || part == "." || part.empty();
         });
}

HubFile read_file_entry(const json& entry, const std::string& where) {
  HubFile file;
  file.path = text_field(entry, "path", where);
  LPMC_REQUIRE(is_plain_path(file.path), corrupt, "{}: path: expected a name below the folder, found '{}'",
               where, display_path(file.path));
  const auto size = entry.find("size");
  if (size == entry.end() && !entry.contains("sha256")) return file;
  LPMC_REQUIRE(size != entry.end() && size->is_number_unsigned(), corrupt, "{}: size: expected bytes", where);
  file.size = size->get<std::uint64_t>();
  file.sha256 = text_field(entry, "sha256", where);
  const auto is_hex = [](unsigned char c) { return std::isdigit(c) != 0 || (c >= 'a' && c <= 'f'); };
  LPMC_REQUIRE(file.sha256.size() == 64 && std::all_of(file.sha256.begin(), file.sha256.end(), is_hex),
               corrupt, "{}: sha256: expected 64 hex digits, found '{}'", where,
               replace_invalid_utf8(file.sha256));
  return file;
}

HubModel::Kind read_kind(const std::string& kind, const std::string& where) {
  if (kind == "language_model") return HubModel::Kind::language_model;
  if (kind == "captioner") return HubModel::Kind::captioner;
  LPMC_REQUIRE(kind == "text_encoder", corrupt,
               "{}: kind: expected language_model, captioner or text_encoder, found '{}'", where,
               replace_invalid_utf8(kind));
  return HubModel::Kind::text_encoder;
}

HubModel read_model_entry(const json& entry, const std::string& where) {
  HubModel model;
  model.name = text_field(entry, "name", where);
  LPMC_REQUIRE(is_plain_path(model.name) && model.name.find('/') == std::string::npos, corrupt,
               "{}: name: expected one without '/', found '{}'", where, display_path(model.name));
  model.kind = read_kind(text_field(entry, "kind", where), where);
  model.summary = text_field(entry, "summary", where);
  model.license = text_field(entry, "license", where);
  model.license_url = text_field(entry, "license_url", where);
  model.source = text_field(entry, "source", where);
  for (const json& file : list_field(entry, "files", where))
    model.files.push_back(read_file_entry(file, fmt::format("{}: files[{}]", where, model.files.size())));
  LPMC_REQUIRE(!model.files.empty(), corrupt, "{}: files: expected at least one", where);
  return model;
}

}  // namespace

std::optional<std::uint64_t> HubModel::size() const {
  std::uint64_t bytes = 0;
  for (const HubFile& file : files) {
    if (file.sha256.empty()) return std::nullopt;
    bytes += file.size;
  }
  return bytes;
}

std::vector<HubModel> parse_model_list(std::string_view text, std::string_view name) {
  const json list = json::parse(text, nullptr, false);
  LPMC_REQUIRE(!list.is_discarded(), corrupt, "{}: expected JSON, found something else", name);
  std::vector<HubModel> models;
  for (const json& entry : list_field(list, "models", std::string(name)))
    models.push_back(read_model_entry(entry, fmt::format("{}: models[{}]", name, models.size())));
  return models;
}

std::vector<HubModel> read_model_list(const std::filesystem::path& path) {
  const MappedFile file(path);
  const auto* text = static_cast<const char*>(static_cast<const void*>(file.bytes().data()));
  return parse_model_list({text, file.bytes().size()}, display_path(path));
}

}  // namespace lpmc
