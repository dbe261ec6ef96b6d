#include "lpmc/training/weights_io.h"

#include <map>
#include <string>
#include <utility>

#include "lpmc/base/error.h"
#include "lpmc/base/fields.h"
#include "lpmc/model/model_dir.h"
#include "lpmc/tensor/int8_rows.h"

namespace lpmc {
namespace {

/// Parameters and buffers by name.
std::map<std::string, torch::Tensor, std::less<>> tensors_by_name(CaptionModuleImpl& module) {
  std::map<std::string, torch::Tensor, std::less<>> tensors;
  for (const auto& entry : module.named_parameters())
    tensors.emplace(entry.key(), entry.value());
  for (const auto& entry : module.named_buffers())
    tensors.emplace(entry.key(), entry.value());
  return tensors;
}

void copy_values(const Tensor& from, const torch::Tensor& to) {
  // from_blob takes no pointer to const; nothing writes through it.
  to.copy_(torch::from_blob(const_cast<float*>(from.data<float>()), to.sizes(), torch::kFloat32));
}

/// The values of each setting of a configuration, in the order of config.json.
std::vector<std::pair<std::string, double>> settings(ModelConfig config) {
  std::vector<std::pair<std::string, double>> list;
  const auto add = [&](std::string_view name, auto value, std::string_view) {
    list.emplace_back(json_key(name), static_cast<double>(value));
  };
  visit(config, add);
  visit(config.mel, add);
  add("duration_s", config.duration_s, {});
  add("num_conv", config.num_conv, {});
  return list;
}

void require_equal(const ModelConfig& expected, const ModelConfig& found, const std::string& where) {
  const auto a = settings(expected), b = settings(found);
  for (std::size_t i = 0; i < a.size(); ++i) {
    LPMC_REQUIRE(a[i].second == b[i].second, invalid_argument, "{}: {}: expected {}, found {}", where,
                 a[i].first, a[i].second, b[i].second);
  }
}

}  // namespace

std::vector<NamedTorchTensor> learned_parameters(CaptionModuleImpl& module) {
  const auto tensors = tensors_by_name(module);
  std::vector<NamedTorchTensor> learned;
  ModelWeights weights;
  visit_weights(weights, module.config(),
                [&](std::string_view name, const Shape&, WeightRole role, ConstTensorView&) {
                  if (is_learned(role)) learned.push_back({std::string(name), tensors.find(name)->second});
                });
  return learned;
}

void load_into(CaptionModuleImpl& module, const LoadedWeights& loaded) {
  const torch::NoGradGuard no_grad;
  const auto tensors = tensors_by_name(module);
  ModelWeights weights = loaded.weights;
  std::string int8_name;  // of the matrix whose scale comes next
  ConstTensorView int8_matrix;
  visit_weights(weights, module.config(),
                [&](std::string_view name, const Shape& shape, WeightRole role, ConstTensorView& field) {
                  if (role == WeightRole::alias) return;
                  LPMC_REQUIRE(field.shape() == shape, corrupt, "{}: expected {}, found {}", name,
                               to_string(shape), to_string(field.shape()));
                  if (role == WeightRole::matrix && field.dtype() == DType::i8) {
                    int8_name = name;
                    int8_matrix = field;
                    return;
                  }
                  const bool is_scale = role == WeightRole::scale;
                  Tensor values(is_scale ? int8_matrix.shape() : shape);
                  if (is_scale) {
                    dequantize_rows(int8_matrix, field, values);
                  } else {
                    convert_to_float(field, values);
                  }
                  copy_values(values, tensors.find(is_scale ? std::string_view(int8_name) : name)->second);
                });
}

LoadedWeights weights_of(CaptionModuleImpl& module) {
  const torch::NoGradGuard no_grad;
  const auto tensors = tensors_by_name(module);
  LoadedWeights out;
  visit_weights(out.weights, module.config(),
                [&](std::string_view name, const Shape& shape, WeightRole role, ConstTensorView& field) {
                  if (role == WeightRole::alias) return;
                  Tensor copy(shape);
                  torch::from_blob(copy.mutable_data<float>(), tensors.find(name)->second.sizes(),
                                   torch::kFloat32)
                      .copy_(tensors.find(name)->second);
                  field = keep_tensor(std::move(copy), out.store);
                });
  return out;
}

void load_init(CaptionModuleImpl& module, std::string_view model) {
  const ModelFiles files = find_model(model);
  if (files.config) {
    const std::string where = files.config->string();
    require_equal(module.config(), model_config_from_json(read_json_file(*files.config), where), where);
  }
  load_into(module, load_weights(TensorFile::open(files.weights), module.config()));
}

}  // namespace lpmc
