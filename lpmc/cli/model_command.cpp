#include <cstdio>
#include <memory>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/captioning/verify_model.h"
#include "lpmc/cli/commands.h"
#include "lpmc/cli/common_options.h"
#include "lpmc/cli/model_pull.h"
#include "lpmc/cli/option_binder.h"
#include "lpmc/model/model_dir.h"

namespace lpmc::cli {
namespace {

/// Flags of the sub-commands of `lpmc model`.
struct ModelFlags {
  CommonOptions common;
  std::string model = "default";
  std::string tokenizer;
  std::string output;
  std::string dtype;
  std::string preset;
  std::int64_t seed = 0;
  bool overwrite = false;
  bool json = false;
  PullFlags pull;
};

const char* const kDtypeNames = "float32, float16 or bfloat16";

DType parse_dtype(const std::string& name) {
  if (name == "f32" || name == "float32") return DType::f32;
  if (name == "f16" || name == "float16") return DType::f16;
  if (name == "bf16" || name == "bfloat16") return DType::bf16;
  LPMC_REQUIRE(name != "int8", invalid_argument,
               "--dtype: expected {}, found 'int8'; `lpmc model quantize` makes it", kDtypeNames);
  fail(ErrorKind::invalid_argument, "--dtype: expected {}, found '{}'", kDtypeNames, name);
}

DType parse_quantized_dtype(const std::string& name) {
  if (name == "int8") return DType::i8;
  if (name == "bf16" || name == "bfloat16") return DType::bf16;
  fail(ErrorKind::invalid_argument, "--dtype: expected int8 or bf16, found '{}'", name);
}

CLI::App* add_sub_command(CLI::App& app, const char* name, const char* summary, ModelFlags& flags) {
  CLI::App* command = app.add_subcommand(name, summary);
  add_common_options(*command, flags.common);
  return command;
}

void add_model_arguments(CLI::App& command, ModelFlags& flags) {
  add_flag_or_option(command, "model,-m,--model", flags.model,
                     "a folder, a name (`lpmc model list`) or a checkpoint of the original project (.pth)",
                     "model");
  add_flag_or_option(command, "--tokenizer", flags.tokenizer,
                     "folder with vocab.json, merges.txt and, if it is not the published size, config.json",
                     "tokenizer");
}

int list() {
  const auto models = list_models();
  for (const NamedModel& model : models)
    fmt::print("{}\t{}\n", model.name, display_path(model.folder));
  if (models.empty()) {
    fail(ErrorKind::not_found, "no named models; looked in {}",
         fmt::join(
             [] {
               std::vector<std::string> folders;
               for (const auto& folder : model_search_path())
                 folders.push_back(display_path(folder));
               return folders;
             }(),
             ", "));
  }
  return kAllDone;
}

std::string_view role_name(WeightRole role) {
  switch (role) {
    case WeightRole::matrix:
    case WeightRole::parameter:
      return "parameter";
    case WeightRole::scale:
      return "scale";
    case WeightRole::alias:
      return "alias";
    case WeightRole::buffer:
      return "buffer";
    case WeightRole::computed_buffer:
      return "computed";
  }
  return "";
}

void print_tensors(const Model& model) {
  ModelWeights weights = model.weights.weights;
  visit_weights(weights, model.config,
                [](std::string_view name, const Shape& shape, WeightRole role, ConstTensorView& field) {
                  fmt::print("{:<60} {:<18} {:<9} {}\n", name, to_string(shape), to_string(field.dtype()),
                             role_name(role));
                });
}

nlohmann::json info_json(const Model& model) {
  nlohmann::json json = model_config_to_json(model.config, to_string(stored_dtype(model)));
  json["name"] = model.files.name;
  json["weights"] = display_path(model.files.weights);
  json["parameters"] = count_parameters(model.config);
  json["has_vocabulary"] = model.files.vocab.has_value();
  json["generation_config"] = model.generation_config;
  return json;
}

int info(const ModelFlags& flags) {
  const Model model = open_model(find_model(flags.model, flags.tokenizer));
  if (flags.json) {
    fmt::print("{}\n", info_json(model).dump(2));
    return kAllDone;
  }
  const ModelConfig& c = model.config;
  const TensorFile& file = model.weights.store.files.front();
  fmt::print("model       {}\n", model.files.name);
  fmt::print("weights     {} ({}, {} tensors)\n", display_path(model.files.weights),
             file.format() == TensorFile::Format::pth ? "torch checkpoint" : "safetensors",
             file.tensors().size());
  for (const auto& [key, value] : file.metadata())
    fmt::print("{:<11} {}\n", key, replace_invalid_utf8(value));
  fmt::print("parameters  {} ({})\n", count_parameters(c), to_string(stored_dtype(model)));
  fmt::print("network     d_model {}, {} + {} layers, {} + {} heads, ffn {} + {}, vocabulary {}\n", c.d_model,
             c.encoder_layers, c.decoder_layers, c.encoder_attention_heads, c.decoder_attention_heads,
             c.encoder_ffn_dim, c.decoder_ffn_dim, c.vocab_size);
  fmt::print(
      "audio       {} s at {} Hz, {} mel bands, frames of {} every {} samples, {} convolutions, {} "
      "positions\n",
      c.duration_s, c.mel.sample_rate, c.mel.n_mels, c.mel.n_fft, c.mel.hop_length, c.num_conv, c.n_ctx());
  fmt::print("tokenizer   {}\n",
             model.files.vocab ? display_path(*model.files.vocab) : "none: token ids only");
  if (model.files.card) fmt::print("card        {}\n", display_path(*model.files.card));
  if (flags.common.verbose > 0) print_tensors(model);
  return kAllDone;
}

int verify(const ModelFlags& flags) {
  for (const std::string& line : verify_model(find_model(flags.model, flags.tokenizer)))
    fmt::print("ok  {}\n", line);
  return kAllDone;
}

int convert(const ModelFlags& flags) {
  const Model model = open_model(find_model(flags.model, flags.tokenizer));
  if (flags.output.ends_with(".pth")) {
    LPMC_REQUIRE(flags.dtype.empty(), invalid_argument,
                 "--dtype: expected none for a .pth (the original's loader wants float32), found '{}'",
                 flags.dtype);
    LPMC_REQUIRE(flags.overwrite || !std::filesystem::exists(flags.output), invalid_argument,
                 "{}: exists; --overwrite replaces it", display_path(flags.output));
    export_pth(flags.output, model.config, model.weights, 0);
  } else {
    const DType dtype = flags.dtype.empty() ? stored_dtype(model) : parse_dtype(flags.dtype);
    write_model_folder(flags.output, model, dtype, flags.overwrite);
  }
  return kAllDone;
}

int quantize(const ModelFlags& flags) {
  const Model model = open_model(find_model(flags.model, flags.tokenizer));
  quantize_model(flags.output, model, parse_quantized_dtype(flags.dtype), flags.overwrite);
  return kAllDone;
}

int init(const ModelFlags& flags) {
  Model model;
  model.files.name = flags.preset;
  if (!flags.tokenizer.empty()) {
    model.files.vocab = std::filesystem::path(flags.tokenizer) / "vocab.json";
    model.files.merges = std::filesystem::path(flags.tokenizer) / "merges.txt";
  }
  model.config = preset_config(flags.preset);
  model.weights = random_weights(model.config, static_cast<std::uint64_t>(flags.seed));
  model.generation_config = nlohmann::json::object();
  write_model_folder(flags.output, model, flags.dtype.empty() ? DType::f32 : parse_dtype(flags.dtype),
                     flags.overwrite);
  return kAllDone;
}

void add_output_arguments(CLI::App& command, ModelFlags& flags, const char* help, const char* dtypes) {
  add_flag_or_option(command, "-o,--output", flags.output, help, "output")->required();
  add_flag_or_option(command, "--dtype", flags.dtype, std::string("storage type of the weights: ") + dtypes,
                     "dtype");
  add_flag_or_option(command, "--overwrite", flags.overwrite, "replace a model that is there", "overwrite");
}

#if defined(LPMC_HAS_LLM)
void add_pull_command(CLI::App& app, const std::shared_ptr<ModelFlags>& flags, RunFunction& run) {
  CLI::App* command =
      add_sub_command(app, "pull", "fetch a named model; without a name: which there are", *flags);
  command->add_option("name", flags->pull.name, "the model's name");
  add_flag_or_option(*command, "--from", flags->pull.from,
                     "a folder or URL that holds its files, instead of where they are published", "from");
  add_flag_or_option(*command, "-o,--output", flags->pull.output,
                     "the folder they go to; default: where lpmc looks for them", "output");
  command->callback(
      [flags, &run] { run = [flags] { return pull_named_model(flags->pull, flags->common); }; });
  add_examples(*command,
               "  lpmc model pull smollm2-135m-instruct\n"
               "  lpmc model pull smollm2-135m-instruct --from /media/models\n");
}
#endif

}  // namespace

void add_model_command(CLI::App& app, RunFunction& run) {
  const auto flags = std::make_shared<ModelFlags>();
  app.require_subcommand(1);
  const auto on_run = [&run, flags](int (*function)(const ModelFlags&)) {
    return [&run, flags, function] {
      run = [flags, function] {
        apply_common_options(flags->common);
        return function(*flags);
      };
    };
  };
  add_sub_command(app, "list", "named models that are here", *flags)->callback(on_run([](const ModelFlags&) {
    return list();
  }));

#if defined(LPMC_HAS_LLM)
  add_pull_command(app, flags, run);
#endif

  CLI::App* info_command =
      add_sub_command(app, "info", "configuration, size and type; -v lists the tensors", *flags);
  add_model_arguments(*info_command, *flags);
  add_flag_or_option(*info_command, "--json", flags->json, "as JSON", "json");
  info_command->callback(on_run(info));

  CLI::App* verify_command = add_sub_command(app, "verify", "check a model from end to end", *flags);
  add_model_arguments(*verify_command, *flags);
  verify_command->callback(on_run(verify));

  CLI::App* convert_command = add_sub_command(
      app, "convert", "a checkpoint or folder to a model folder, or to the original's .pth", *flags);
  add_model_arguments(*convert_command, *flags);
  add_output_arguments(*convert_command, *flags, "a folder, or a file that ends in .pth", kDtypeNames);
  convert_command->callback(on_run(convert));
  add_examples(
      *convert_command,
      "  lpmc model convert transfer.pth --tokenizer bart-base/ -o models/transfer\n"
      "  lpmc model convert transfer.pth --tokenizer bart-base/ --dtype bf16 -o models/transfer-bf16\n"
      "  lpmc model convert models/transfer -o transfer.pth\n");

  CLI::App* quantize_command = add_sub_command(
      app, "quantize", "a model folder of half or a quarter of the size: 8-bit or bfloat16 weights", *flags);
  add_model_arguments(*quantize_command, *flags);
  add_output_arguments(*quantize_command, *flags, "the model folder to make", "int8 or bf16");
  quantize_command->get_option("--dtype")->required();
  quantize_command->callback(on_run(quantize));
  add_examples(
      *quantize_command,
      "  lpmc model quantize -m models/transfer --dtype int8 -o models/transfer-int8\n"
      "  lpmc model quantize -m transfer.pth --tokenizer bart-base/ --dtype bf16 -o models/transfer-bf16\n");

  CLI::App* init_command =
      add_sub_command(app, "init", "a model of random weights, for tests and benchmarks", *flags);
  add_flag_or_option(*init_command, "--preset", flags->preset, "bart-base, small or tiny", "preset")
      ->required()
      ->check(one_of({"bart-base", "small", "tiny"}));
  add_flag_or_option(*init_command, "--seed", flags->seed, "equal seeds give equal weights", "seed");
  add_flag_or_option(*init_command, "--tokenizer", flags->tokenizer,
                     "folder whose vocab.json and merges.txt are copied in", "tokenizer");
  add_output_arguments(*init_command, *flags, "the model folder to make", kDtypeNames);
  init_command->callback(on_run(init));

  add_examples(app,
               "  lpmc model list\n"
               "  lpmc model info default -v\n"
               "  lpmc model verify transfer.pth --tokenizer bart-base/\n");
}

}  // namespace lpmc::cli
