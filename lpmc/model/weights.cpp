#include "lpmc/model/weights.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>
#include <unordered_map>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"

namespace lpmc {
namespace {

constexpr std::string_view kDataParallelPrefix = "module.";

/// Looks entries up by the reference's names, whatever wrapper saved them, and remembers which were used.
class EntryIndex {
 public:
  explicit EntryIndex(const TensorFile& file) : path_(display_path(file.path())) {
    bool all_prefixed = !file.tensors().empty();
    for (const StoredTensor& tensor : file.tensors()) {
      all_prefixed = all_prefixed && tensor.name.starts_with(kDataParallelPrefix);
    }
    for (const StoredTensor& tensor : file.tensors()) {
      std::string_view name = tensor.name;
      if (all_prefixed) name.remove_prefix(kDataParallelPrefix.size());
      entries_.emplace(name, &tensor);
    }
  }

  const std::string& path() const { return path_; }

  bool contains(const std::string& name) const { return entries_.contains(name); }

  /// nullptr when absent.
  const StoredTensor* take(std::string_view name) {
    const auto found = entries_.find(std::string(name));
    if (found == entries_.end()) return nullptr;
    used_.insert(found->first);
    return found->second;
  }

  void require_none_left() const {
    std::set<std::string> left;
    for (const auto& [name, tensor] : entries_) {
      if (!used_.contains(name)) left.insert(name);
    }
    LPMC_REQUIRE(left.empty(), corrupt, "{}: {}: expected no such tensor in this model; {} left over in all",
                 path_, replace_invalid_utf8(*left.begin()), left.size());
  }

 private:
  std::string path_;
  std::unordered_map<std::string, const StoredTensor*> entries_;
  std::set<std::string> used_;
};

class WeightLoader {
 public:
  WeightLoader(EntryIndex& index, LoadedWeights& out, const ModelConfig& config)
      : index_(index), out_(out), config_(config) {}

  void operator()(std::string_view name, const Shape& shape, WeightRole role, ConstTensorView& field) {
    const StoredTensor* entry = index_.take(name);
    if (entry == nullptr) {
      if (role == WeightRole::alias) return;
      if (role == WeightRole::computed_buffer) {
        field = keep_tensor(computed_buffer(name, config_), out_.store);
        return;
      }
      fail(ErrorKind::corrupt, "{}: {}: expected {}, found no such tensor", index_.path(), name,
           to_string(shape));
    }
    LPMC_REQUIRE(entry->shape == shape, corrupt, "{}: {}: expected {}, found {}", index_.path(), name,
                 to_string(shape), to_string(entry->shape));
    check_type(name, role, *entry);
    if (role == WeightRole::alias) {
      check_tied(name, *entry, field);
    } else {
      field = view_of(*entry, role);
      if (name == kSharedName) shared_storage_ = entry->storage;
      if (role == WeightRole::scale) check_scale(name, field);
    }
  }

 private:
  void check_type(std::string_view name, WeightRole role, const StoredTensor& entry) const {
    if (role == WeightRole::scale) {
      LPMC_REQUIRE(entry.dtype == DType::f32, corrupt, "{}: {}: expected float32, found {}", index_.path(),
                   name, to_string(entry.dtype));
      return;
    }
    const bool may_be_int8 = role == WeightRole::matrix || role == WeightRole::alias;
    LPMC_REQUIRE(is_floating_point(entry.dtype) || (may_be_int8 && entry.dtype == DType::i8), corrupt,
                 "{}: {}: expected a floating-point type{}, found {}", index_.path(), name,
                 may_be_int8 ? " or int8" : "", to_string(entry.dtype));
    if (role != WeightRole::matrix || entry.dtype == DType::i8) return;
    const std::string scale = std::string(name) + std::string(kScaleSuffix);
    LPMC_REQUIRE(!index_.contains(scale), corrupt, "{}: {}: expected none beside weights of {}, found one",
                 index_.path(), scale, to_string(entry.dtype));
  }

  void check_scale(std::string_view name, ConstTensorView scale) const {
    const auto values = scale.values<float>();
    const auto bad = std::ranges::find_if(values, [](float x) { return !(x > 0) || !std::isfinite(x); });
    LPMC_REQUIRE(bad == values.end(), corrupt, "{}: {}: expected finite values over 0, found {} at row {}",
                 index_.path(), name, *bad, bad - values.begin());
  }

  static constexpr std::string_view kSharedName = "bart.model.shared.weight";

  ConstTensorView view_of(const StoredTensor& entry, WeightRole role) {
    if (role != WeightRole::computed_buffer || entry.dtype == DType::f32)
      return stored_view(entry, out_.store);
    Tensor as_float(entry.shape);
    convert_to_float(read_tensor(entry), as_float);
    return keep_tensor(std::move(as_float), out_.store);
  }

  void check_tied(std::string_view name, const StoredTensor& entry, ConstTensorView shared) {
    if (entry.storage == shared_storage_) return;
    const Tensor copy = read_tensor(entry);
    const bool equal = copy.dtype() == shared.dtype() &&
                       std::memcmp(copy.view().bytes(), shared.bytes(), shared.size_bytes()) == 0;
    LPMC_REQUIRE(equal, unsupported, "{}: {}: expected the same values as {} (tied), found others",
                 index_.path(), name, kSharedName);
  }

  EntryIndex& index_;
  LoadedWeights& out_;
  const ModelConfig& config_;
  std::uint64_t shared_storage_ = 0;
};

}  // namespace

bool is_floating_point(DType dtype) {
  return dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16 || dtype == DType::f64;
}

ConstTensorView keep_tensor(Tensor tensor, WeightStore& store) {
  store.tensors.push_back(std::move(tensor));
  return store.tensors.back();
}

ConstTensorView stored_view(const StoredTensor& entry, WeightStore& store) {
  const bool aligned = reinterpret_cast<std::uintptr_t>(entry.data) % size_of(entry.dtype) == 0;
  if (aligned && entry.dtype != DType::f64 && entry.is_contiguous())
    return {entry.data, entry.dtype, entry.shape};
  Tensor copy = read_tensor(entry);
  if (entry.dtype != DType::f64) return keep_tensor(std::move(copy), store);
  Tensor as_float(entry.shape);
  convert_to_float(copy, as_float);
  return keep_tensor(std::move(as_float), store);
}

std::int64_t count_parameters(const ModelConfig& config) {
  ModelWeights weights;
  std::int64_t count = 0;
  visit_weights(weights, config,
                [&](std::string_view, const Shape& shape, WeightRole role, ConstTensorView&) {
                  if (is_learned(role)) count += shape.elements();
                });
  return count;
}

LoadedWeights load_weights(TensorFile file, const ModelConfig& config) {
  LoadedWeights out;
  out.store.files.push_back(std::move(file));
  out.weights.mapped = out.store.files.front().bytes();
  EntryIndex index(out.store.files.front());
  visit_weights(out.weights, config, WeightLoader(index, out, config));
  index.require_none_left();
  return out;
}

Tensor computed_buffer(std::string_view name, const ModelConfig& config) {
  if (name.ends_with("positional_embedding")) return sinusoidal_positions(config);
  if (name.ends_with("window")) return hann_window(config.mel);
  return mel_filterbank(config.mel);
}

Tensor sinusoidal_positions(const ModelConfig& config) {
  constexpr double kMaxTimescale = 10000.0;
  const std::int64_t half = config.d_model / 2;
  const float increment = static_cast<float>(-std::log(kMaxTimescale) / static_cast<double>(half - 1));
  Tensor table({config.n_ctx(), config.d_model});
  for (std::int64_t t = 0; t < config.n_ctx(); ++t) {
    float* row = table.mutable_data<float>() + t * config.d_model;
    for (std::int64_t i = 0; i < half; ++i) {
      // float32 at every step, as torch computes the reference's buffer
      const float angle = static_cast<float>(t) * std::exp(increment * static_cast<float>(i));
      row[i] = std::sin(angle);
      row[half + i] = std::cos(angle);
    }
  }
  return table;
}

}  // namespace lpmc
