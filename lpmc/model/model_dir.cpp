#include "lpmc/model/model_dir.h"

#include <algorithm>
#include <cstdlib>
#include <map>

#include "lpmc/base/atomic_file.h"
#include "lpmc/base/error.h"
#include "lpmc/base/mapped_file.h"
#include "lpmc/base/utf8.h"
#include "lpmc/model/model_card.h"

#ifndef LPMC_CHECKOUT_MODELS
#define LPMC_CHECKOUT_MODELS ""
#endif

namespace lpmc {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kWeightsName = "model.safetensors";
constexpr std::string_view kConfigName = "config.json";
constexpr std::string_view kVocabName = "vocab.json";
constexpr std::string_view kMergesName = "merges.txt";
constexpr std::string_view kGenerationConfigName = "generation_config.json";
constexpr std::string_view kCardName = "README.md";

/// No config or vocabulary of a captioner comes near this.
constexpr std::size_t kMaxJsonBytes = 64U << 20;

/// JSON nested deeper than this is hostile; real files have about three levels.
constexpr int kMaxJsonDepth = 64;

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

std::optional<fs::path> file_in(const fs::path& folder, std::string_view name) {
  const fs::path path = folder / name;
  if (!is_file(path)) return std::nullopt;
  return path;
}

void take_side_files(ModelFiles& files, const fs::path& folder) {
  files.config = file_in(folder, kConfigName);
  files.vocab = file_in(folder, kVocabName);
  files.merges = file_in(folder, kMergesName);
  files.generation_config = file_in(folder, kGenerationConfigName);
}

std::string join_paths(const std::vector<fs::path>& paths) {
  std::string text;
  for (const fs::path& path : paths)
    text += (text.empty() ? "" : ", ") + display_path(path);
  return text;
}

fs::path program_folder() {
  std::error_code ignored;
  return fs::read_symlink("/proc/self/exe", ignored).parent_path();
}

fs::path user_models() {
  if (const char* data = std::getenv("XDG_DATA_HOME"); data != nullptr && *data != '\0') {
    return fs::path(data) / "lpmc/models";
  }
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') {
    return fs::path(home) / ".local/share/lpmc/models";
  }
  return {};
}

bool looks_like_path(std::string_view model) {
  return model.find('/') != std::string_view::npos || model.ends_with(".pth") ||
         model.ends_with(".safetensors");
}

/// The folder of a named model.
fs::path find_named(std::string_view name) {
  for (const NamedModel& model : list_models()) {
    if (model.name == name) return model.folder;
  }
  const bool published = name.starts_with("lp-musiccaps-");
  fail(
      ErrorKind::not_found, "model '{}': no file or folder of this name, and no such model in {}{}", name,
      join_paths(model_search_path()),
      published
          ? "; download the project's published checkpoint and pass its path: -m transfer.pth --tokenizer DIR"
          : "; `lpmc model list` shows the models that are here");
}

std::string read_text_file(const fs::path& path) {
  const MappedFile file(path);
  return {static_cast<const char*>(static_cast<const void*>(file.bytes().data())), file.bytes().size()};
}

void copy_text_file(const std::optional<fs::path>& from, const fs::path& folder, std::string_view name) {
  if (!from) return;
  const MappedFile file(*from);
  AtomicFile out(folder / name);
  out.write(file.bytes());
  out.commit();
}

}  // namespace

std::vector<fs::path> model_search_path() {
  std::vector<fs::path> folders;
  if (const char* list = std::getenv("LPMC_MODELS"); list != nullptr) {
    std::string_view rest = list;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(':'), rest.size());
      if (end > 0) folders.emplace_back(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  if (const fs::path user = user_models(); !user.empty()) folders.push_back(user);
  const fs::path program = program_folder();
  folders.push_back(program / "../share/lpmc/models");
  if (const std::string_view checkout = LPMC_CHECKOUT_MODELS; !checkout.empty())
    folders.emplace_back(checkout);
  for (fs::path& folder : folders)
    folder = folder.lexically_normal();
  return folders;
}

std::vector<NamedModel> list_models() {
  std::map<std::string, fs::path> found;
  for (const fs::path& folder : model_search_path()) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder, ignored)) {
      if (is_file(entry.path() / kWeightsName))
        found.try_emplace(entry.path().filename().string(), entry.path());
    }
  }
  std::vector<NamedModel> models;
  for (const auto& [name, folder] : found)
    models.push_back({name, folder});
  return models;
}

ModelFiles find_model(std::string_view model, const fs::path& tokenizer) {
  LPMC_REQUIRE(!model.empty(), not_found, "model: expected a folder, a name or a checkpoint, found nothing");
  ModelFiles files;
  files.name = replace_invalid_utf8(model);
  fs::path path(model);
  const bool named = !looks_like_path(model) && !is_file(path) && !is_file(path / kWeightsName);
  if (named) path = find_named(model);
  if (is_folder(path)) {
    const auto weights = file_in(path, kWeightsName);
    LPMC_REQUIRE(weights, not_found, "{}: expected a model folder with {}, found none", display_path(path),
                 kWeightsName);
    files.weights = *weights;
    take_side_files(files, path);
    files.card = file_in(path, kCardName);
    LPMC_REQUIRE(files.config, not_found, "{}: expected {} in the model folder, found none",
                 display_path(path), kConfigName);
  } else {
    LPMC_REQUIRE(is_file(path), not_found, "{}: no such model file or folder", display_path(path));
    files.weights = path;
    take_side_files(files, path.has_parent_path() ? path.parent_path() : fs::path("."));
  }
  if (!tokenizer.empty()) {
    LPMC_REQUIRE(is_folder(tokenizer), not_found, "{}: expected the tokenizer's folder",
                 display_path(tokenizer));
    const std::optional<fs::path> own_config = files.config;
    const bool is_model_folder = is_folder(path);
    take_side_files(files, tokenizer);
    if (is_model_folder) files.config = own_config;  // a folder's own config stays with its weights
    for (const auto& [found, name] :
         {std::pair{&files.vocab, kVocabName}, std::pair{&files.merges, kMergesName}}) {
      LPMC_REQUIRE(*found, not_found, "{}: expected {}, found none", display_path(tokenizer), name);
    }
  }
  return files;
}

nlohmann::json parse_json(std::string_view text, const std::string& where) {
  const auto limit = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    LPMC_REQUIRE(depth <= kMaxJsonDepth, corrupt, "{}: expected at most {} levels of nesting", where,
                 kMaxJsonDepth);
    return true;
  };
  try {
    return nlohmann::json::parse(text, limit);
  } catch (const nlohmann::json::exception& error) {
    fail(ErrorKind::corrupt, "{}: not JSON: {}", where, replace_invalid_utf8(error.what()));
  }
}

nlohmann::json read_json_file(const fs::path& path) {
  const MappedFile file(path);
  const std::string where = display_path(path);
  LPMC_REQUIRE(file.bytes().size() <= kMaxJsonBytes, corrupt,
               "{}: expected at most {} bytes of JSON, found {}", where, kMaxJsonBytes, file.bytes().size());
  return parse_json(
      {static_cast<const char*>(static_cast<const void*>(file.bytes().data())), file.bytes().size()}, where);
}

Model open_model(const ModelFiles& files) {
  Model model;
  model.files = files;
  if (files.config)
    model.config = model_config_from_json(read_json_file(*files.config), display_path(*files.config));
  model.generation_config = nlohmann::json::object();
  if (files.generation_config) {
    model.generation_config = read_json_file(*files.generation_config);
    LPMC_REQUIRE(model.generation_config.is_object(), corrupt, "{}: expected a JSON object, found {}",
                 display_path(*files.generation_config), model.generation_config.type_name());
  }
  TensorFile file = TensorFile::open(files.weights);
  try {
    model.weights = load_weights(std::move(file), model.config);
  } catch (const Error& error) {
    if (files.config || error.kind() != ErrorKind::corrupt) throw;
    fail(ErrorKind::corrupt,
         "{} (no config.json beside the checkpoint, so the published size was expected; "
         "--tokenizer DIR names a folder with the right config.json)",
         error.what());
  }
  return model;
}

std::vector<DType> vouched_dtypes(const ModelFiles& files) {
  if (!files.card) return {};
  return vouched_dtypes(read_text_file(*files.card), display_path(*files.card));
}

DType stored_dtype(const Model& model) {
  std::map<DType, std::int64_t> elements;
  ModelWeights weights = model.weights.weights;
  visit_weights(weights, model.config,
                [&](std::string_view, const Shape& shape, WeightRole role, ConstTensorView& field) {
                  if (role == WeightRole::matrix) elements[field.dtype()] += shape.elements();
                });
  const auto most = std::ranges::max_element(elements, {}, [](const auto& entry) { return entry.second; });
  return most == elements.end() ? DType::f32 : most->first;
}

void write_model_folder(const fs::path& folder, const Model& model, const StorageTypes& types, bool overwrite,
                        std::optional<std::string_view> card) {
  LPMC_REQUIRE(overwrite || !is_file(folder / kWeightsName), invalid_argument,
               "{}: expected a folder without a model, found one (--overwrite replaces it)",
               display_path(folder));
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) fail_errno(display_path(folder), error.value());
  copy_text_file(model.files.vocab, folder, kVocabName);
  copy_text_file(model.files.merges, folder, kMergesName);
  if (card) {
    write_file_atomically(folder / kCardName, *card);
  } else {
    copy_text_file(model.files.card, folder, kCardName);
  }
  if (!model.generation_config.empty()) {
    write_file_atomically(folder / kGenerationConfigName, model.generation_config.dump(2) + "\n");
  }
  write_file_atomically(folder / kConfigName,
                        model_config_to_json(model.config, to_string(types.matrices)).dump(2) + "\n");
  // The weights come last: a folder with model.safetensors is a whole model.
  save_weights(folder / kWeightsName, model.config, model.weights, types);
}

void quantize_model(const fs::path& folder, const Model& model, DType dtype, bool overwrite) {
  LPMC_REQUIRE(dtype == DType::i8 || dtype == DType::bf16, invalid_argument,
               "quantize: expected int8 or bfloat16, found {}", to_string(dtype));
  LPMC_REQUIRE(stored_dtype(model) != DType::i8, invalid_argument,
               "{}: expected weights in floating point, found int8; quantize from the original model",
               display_path(model.files.weights));
  check_finite(model.config, model.weights);
  const std::string source = model.files.card ? read_text_file(*model.files.card) : std::string();
  const std::string card = quantized_card(source, model.files.name, stored_dtype(model), dtype);
  write_model_folder(folder, model, {dtype, DType::f32}, overwrite, card);
}

}  // namespace lpmc
