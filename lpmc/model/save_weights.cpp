#include <algorithm>
#include <cmath>
#include <map>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/model/weights.h"

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

/// The tensor in another floating-point type; kept in `made` where that takes a copy.
ConstTensorView as_dtype(ConstTensorView tensor, DType dtype, std::vector<Tensor>& made) {
  if (tensor.dtype() == dtype) return tensor;
  Tensor as_float(tensor.shape());
  convert_to_float(tensor, as_float);
  made.push_back(dtype == DType::f32 ? std::move(as_float) : convert_from_float(as_float, dtype));
  return made.back();
}

}  // namespace

void save_weights(const std::filesystem::path& path, const ModelConfig& config, const LoadedWeights& model,
                  DType dtype) {
  ModelWeights weights = model.weights;
  std::vector<Tensor> made;
  std::vector<NamedTensor> tensors;
  visit_weights(weights, config,
                [&](std::string_view name, const Shape& /*shape*/, WeightRole role, ConstTensorView& field) {
                  if (role == WeightRole::alias) return;
                  if (role == WeightRole::computed_buffer) {
                    if (differs(field, computed_buffer(name, config)))
                      tensors.push_back({std::string(name), field});
                    return;
                  }
                  tensors.push_back({std::string(name), as_dtype(field, dtype, made)});
                });
  write_safetensors(path, tensors, {{"format", "pt"}});
}

void export_pth(const std::filesystem::path& path, const ModelConfig& config, const LoadedWeights& model,
                std::int64_t epoch) {
  ModelWeights weights = model.weights;
  std::vector<Tensor> made;
  std::map<const std::byte*, ConstTensorView> converted;  // aliases must go on sharing their memory
  std::vector<NamedTensor> tensors;
  visit_weights(weights, config,
                [&](std::string_view name, const Shape&, WeightRole, ConstTensorView& field) {
                  const auto [entry, is_new] = converted.try_emplace(field.bytes());
                  if (is_new) entry->second = as_dtype(field, DType::f32, made);
                  tensors.push_back({std::string(name), entry->second});
                });
  write_pth(path, tensors, epoch);
}

void check_finite(const ModelConfig& config, const LoadedWeights& model) {
  ModelWeights weights = model.weights;
  visit_weights(
      weights, config, [&](std::string_view name, const Shape&, WeightRole role, ConstTensorView& field) {
        if (role == WeightRole::alias) return;
        std::vector<Tensor> made;
        const auto values = as_dtype(field, DType::f32, made).values<float>();
        const auto bad = std::ranges::find_if(values, [](float x) { return !std::isfinite(x); });
        LPMC_REQUIRE(bad == values.end(), corrupt, "{}: expected finite values, found {} at element {}", name,
                     *bad, bad - values.begin());
      });
}

}  // namespace lpmc
