#include <algorithm>
#include <cmath>
#include <map>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/model/weights.h"
#include "lpmc/tensor/int8_rows.h"

namespace lpmc {
namespace {

/// Two computations of the same buffer differ by float rounding; a model with a front end of its own
/// differs by more.
constexpr float kBufferTolerance = 1e-4F;

bool differs(ConstTensorView a, ConstTensorView b) {
  const auto x = a.values<float>(), y = b.values<float>();
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!(std::abs(x[i] - y[i]) <= kBufferTolerance)) return true;
  }
  return false;
}

/// An entry as it is stored.
struct Entry {
  std::string name;
  WeightRole role = WeightRole::parameter;
  ConstTensorView tensor;
  ConstTensorView scale;  ///< of an int8 matrix, else null
};

/// Every entry but the scales, each matrix with its own.
template <class Visit>
void for_each_entry(const ModelConfig& config, const LoadedWeights& model, Visit&& visit) {
  ModelWeights weights = model.weights;
  Entry matrix;  // of int8, waiting for its scale
  visit_weights(weights, config,
                [&](std::string_view name, const Shape&, WeightRole role, ConstTensorView& field) {
                  if (role == WeightRole::matrix && field.dtype() == DType::i8) {
                    matrix = {std::string(name), role, field, {}};
                  } else if (role == WeightRole::scale) {
                    matrix.scale = field;
                    visit(matrix);
                  } else {
                    visit(Entry{std::string(name), role, field, {}});
                  }
                });
}

Tensor as_float(const Entry& entry) {
  Tensor values(entry.tensor.shape());
  if (entry.scale.is_null()) {
    convert_to_float(entry.tensor, values);
  } else {
    dequantize_rows(entry.tensor, entry.scale, values);
  }
  return values;
}

/// The entry's tensor in another floating-point type; kept in `made` where that takes a copy.
ConstTensorView as_dtype(const Entry& entry, DType dtype, std::vector<Tensor>& made) {
  if (entry.tensor.dtype() == dtype) return entry.tensor;
  Tensor values = as_float(entry);
  made.push_back(dtype == DType::f32 ? std::move(values) : convert_from_float(values, dtype));
  return made.back();
}

void add_int8_matrix(const Entry& entry, std::vector<Tensor>& made, std::vector<NamedTensor>& tensors) {
  const std::string scale_name = entry.name + std::string(kScaleSuffix);
  if (!entry.scale.is_null()) {
    tensors.push_back({entry.name, entry.tensor});
    tensors.push_back({scale_name, entry.scale});
    return;
  }
  Int8Rows rows = quantize_rows(entry.tensor);
  tensors.push_back({entry.name, made.emplace_back(std::move(rows.values))});
  tensors.push_back({scale_name, made.emplace_back(std::move(rows.scales))});
}

void check_finite(const Entry& entry) {
  std::vector<Tensor> made;
  const auto values = as_dtype(entry, DType::f32, made).values<float>();
  const auto bad = std::ranges::find_if(values, [](float x) { return !std::isfinite(x); });
  LPMC_REQUIRE(bad == values.end(), corrupt, "{}: expected finite values, found {} at element {}", entry.name,
               *bad, bad - values.begin());
}

void check_int8(const Entry& entry) {
  const auto values = entry.tensor.values<std::int8_t>();
  const auto bad = std::ranges::find(values, std::int8_t{-128});
  LPMC_REQUIRE(bad == values.end(), corrupt, "{}: expected values of -127 to 127, found -128 at element {}",
               entry.name, bad - values.begin());
}

}  // namespace

void save_weights(const std::filesystem::path& path, const ModelConfig& config, const LoadedWeights& model,
                  const StorageTypes& types) {
  std::vector<Tensor> made;
  std::vector<NamedTensor> tensors;
  for_each_entry(config, model, [&](const Entry& entry) {
    if (entry.role == WeightRole::alias) return;
    if (entry.role == WeightRole::computed_buffer) {
      if (differs(entry.tensor, computed_buffer(entry.name, config)))
        tensors.push_back({entry.name, entry.tensor});
    } else if (entry.role == WeightRole::matrix && types.matrices == DType::i8) {
      add_int8_matrix(entry, made, tensors);
    } else {
      const bool is_matrix = entry.role == WeightRole::matrix;
      tensors.push_back({entry.name, as_dtype(entry, is_matrix ? types.matrices : types.others, made)});
    }
  });
  write_safetensors(path, tensors, {{"format", "pt"}});
}

void export_pth(const std::filesystem::path& path, const ModelConfig& config, const LoadedWeights& model,
                std::int64_t epoch) {
  std::vector<Tensor> made;
  std::map<const std::byte*, ConstTensorView> converted;  // aliases must go on sharing their memory
  std::vector<NamedTensor> tensors;
  for_each_entry(config, model, [&](const Entry& entry) {
    const auto [known, is_new] = converted.try_emplace(entry.tensor.bytes());
    if (is_new) known->second = as_dtype(entry, DType::f32, made);
    tensors.push_back({entry.name, known->second});
  });
  write_pth(path, tensors, epoch);
}

void check_finite(const ModelConfig& config, const LoadedWeights& model) {
  for_each_entry(config, model, [](const Entry& entry) {
    if (entry.role == WeightRole::alias) return;
    if (entry.tensor.dtype() == DType::i8) {
      check_int8(entry);  // load_weights has checked the scales
    } else {
      check_finite(entry);
    }
  });
}

}  // namespace lpmc
