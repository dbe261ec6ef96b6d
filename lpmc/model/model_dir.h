#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "lpmc/model/config.h"
#include "lpmc/model/weights.h"

namespace lpmc {

/// Where a model's parts lie. A model is a folder (config.json, model.safetensors, vocab.json,
/// merges.txt, generation_config.json, README.md) or a checkpoint of the original project (.pth)
/// with its config.json and tokenizer files beside it or in a folder of their own.
struct ModelFiles {
  std::string name;                             ///< as the user said it: a name or a path
  std::filesystem::path weights;                ///< model.safetensors or the .pth
  std::optional<std::filesystem::path> config;  ///< absent: the published size
  std::optional<std::filesystem::path> vocab;   ///< absent: token ids only
  std::optional<std::filesystem::path> merges;
  std::optional<std::filesystem::path> generation_config;
  std::optional<std::filesystem::path> card;
};

/// A model, opened: shape checked, weights mapped.
struct Model {
  ModelFiles files;
  ModelConfig config;
  nlohmann::json generation_config;  ///< object, empty where there is no file
  LoadedWeights weights;
};

/// A model that has a name.
struct NamedModel {
  std::string name;
  std::filesystem::path folder;
};

/// Folders that hold named models, first match wins: the entries of the environment variable
/// LPMC_MODELS, the user's data folder (~/.local/share/lpmc/models), and the models installed with or
/// built beside this program.
std::vector<std::filesystem::path> model_search_path();

/// The named models that are here, by name.
std::vector<NamedModel> list_models();

/// Finds the parts of a model.
/// @param model a folder, a name, or a .pth or .safetensors file
/// @param tokenizer folder with vocab.json, merges.txt and, where the size is not the published one,
/// config.json; empty: beside the weights
/// @throws Error(not_found) saying what is missing and where it was looked for
ModelFiles find_model(std::string_view model, const std::filesystem::path& tokenizer = {});

/// Reads the configuration and maps the weights.
/// @throws Error(corrupt, invalid_argument, unsupported) naming the file and what is wrong with it
Model open_model(const ModelFiles& files);

/// The arithmetics that the model's card vouches for (model_card.h); none without a card.
std::vector<DType> vouched_dtypes(const ModelFiles& files);

/// Parses JSON of at most 64 levels of nesting.
/// @throws Error(corrupt) "<where>: not JSON: ..."
nlohmann::json parse_json(std::string_view text, const std::string& where);

/// Reads a JSON file of at most 64 MiB.
/// @throws Error(corrupt) "<file>: not JSON: ..."
nlohmann::json read_json_file(const std::filesystem::path& path);

/// Writes a model folder: weights rounded to `types`, config, and copies of the tokenizer files,
/// generation config and model card where the source has them. The folder is made if need be.
/// @param card the text of another model card instead of the source's
/// @throws Error(invalid_argument) when it holds a model already and `overwrite` is false
void write_model_folder(const std::filesystem::path& folder, const Model& model, const StorageTypes& types,
                        bool overwrite, std::optional<std::string_view> card = {});

/// Writes a model folder whose matrices are stored as int8 by output feature (tensor/int8_rows.h) or as
/// bfloat16, everything else as float32; its card says so.
/// @param dtype i8 or bf16
/// @throws Error(invalid_argument) for another type, when the model is int8 already, or the folder
/// holds a model and `overwrite` is false; Error(corrupt) naming a weight that is not finite
void quantize_model(const std::filesystem::path& folder, const Model& model, DType dtype, bool overwrite);

/// The storage type of the weights: the one that most elements of the matrices have.
DType stored_dtype(const Model& model);

}  // namespace lpmc
