#include "lpmc/model/weights.h"

#include <cmath>
#include <cstring>
#include <functional>
#include <set>

#include <nlohmann/json.hpp>

#include "lpmc/base/threads.h"

#include "tests/support/fixtures.h"
#include "tests/support/matchers.h"

namespace lpmc {
namespace {

using test::TemporaryFolder;
using test::ThrowsLpmc;

std::map<std::string, Shape> entries_of(const ModelConfig& config) {
  ModelWeights weights;
  std::map<std::string, Shape> entries;
  visit_weights(weights, config,
                [&](std::string_view name, const Shape& shape, WeightRole, ConstTensorView&) {
                  entries.emplace(name, shape);
                });
  return entries;
}

TEST(Weights, ThePublishedSizeHas148567296Parameters) {
  const ModelConfig config;
  EXPECT_EQ(count_parameters(config), 148567296);
  EXPECT_EQ(entries_of(config).size(), 278U);
}

/// Names, shapes and their order are the reference's.
TEST(Weights, AreTheReferencesStateDict) {
  LPMC_SKIP_WITHOUT_FIXTURES();
  for (const auto& [file, config] : {std::pair{"state_dict_full.json", ModelConfig()},
                                     std::pair{"state_dict_tiny.json", preset_config("tiny")}}) {
    const auto listed = nlohmann::json::parse(test::read_file(*test::fixtures() / "model" / file));
    std::vector<std::string> expected, found;
    for (const auto& entry : listed) {
      const Shape shape(entry["shape"].get<std::vector<std::int64_t>>());
      expected.push_back(entry["key"].get<std::string>() + " " + to_string(shape));
    }
    ModelWeights weights;
    visit_weights(weights, config,
                  [&](std::string_view name, const Shape& shape, WeightRole, ConstTensorView&) {
                    found.push_back(std::string(name) + " " + to_string(shape));
                  });
    EXPECT_EQ(found, expected) << file;
  }
}

TEST(Weights, RandomOnesFollowTheOriginalsRules) {
  const ModelConfig config = preset_config("tiny");
  const LoadedWeights model = random_weights(config, 7);
  const auto shared = model.weights.shared.values<float>();
  double sum = 0, squares = 0;
  for (const float x : shared) {
    sum += x;
    squares += static_cast<double>(x) * x;
  }
  const auto n = static_cast<double>(shared.size());
  // Mean 0 and deviation 0.02 within five standard errors (the padding row's zeros cost 0.5 % of the
  // squares).
  EXPECT_NEAR(sum / n, 0, 5 * 0.02 / std::sqrt(n));
  EXPECT_NEAR(std::sqrt(squares / n), 0.02 * std::sqrt(199.0 / 200), 5 * 0.02 / std::sqrt(2 * n));
  const auto padding = model.weights.shared[config.pad_token_id].values<float>();
  EXPECT_TRUE(std::ranges::all_of(padding, [](float x) { return x == 0; }));
  const auto norm = model.weights.encoder_layernorm_embedding.weight.values<float>();
  EXPECT_TRUE(std::ranges::all_of(norm, [](float x) { return x == 1; }));
  const float bound = 1 / std::sqrt(128.0F * 3);
  const auto conv = model.weights.conv1.weight.values<float>();
  EXPECT_TRUE(std::ranges::all_of(conv, [&](float x) { return std::abs(x) <= bound; }));
  EXPECT_GT(*std::ranges::max_element(conv), 0.99F * bound);
}

TEST(Weights, EqualSeedsGiveEqualWeightsOnAnyNumberOfThreads) {
  const ModelConfig config = preset_config("tiny");
  set_num_threads(1);
  const LoadedWeights one = random_weights(config, 3);
  set_num_threads(3);
  const LoadedWeights same = random_weights(config, 3), other = random_weights(config, 4);
  set_num_threads(0);
  EXPECT_EQ(test::max_abs_difference(one.weights.shared.values<float>(), same.weights.shared.values<float>()),
            0);
  EXPECT_GT(
      test::max_abs_difference(one.weights.shared.values<float>(), other.weights.shared.values<float>()), 0);
}

/// A file with the tiny model's tensors, changed by `edit` before it is written.
std::filesystem::path write_edited(const TemporaryFolder& folder,
                                   const std::function<void(std::vector<NamedTensor>&)>& edit) {
  static const ModelConfig config = preset_config("tiny");
  static const LoadedWeights model = random_weights(config, 1);
  ModelWeights weights = model.weights;
  std::vector<NamedTensor> tensors;
  visit_weights(weights, config,
                [&](std::string_view name, const Shape&, WeightRole role, ConstTensorView& field) {
                  if (is_learned(role) || role == WeightRole::buffer)
                    tensors.push_back({std::string(name), field});
                });
  edit(tensors);
  write_safetensors(folder / "m.safetensors", tensors, {});
  return folder / "m.safetensors";
}

NamedTensor& named(std::vector<NamedTensor>& tensors, std::string_view name) {
  return *std::ranges::find(tensors, name, &NamedTensor::name);
}

TEST(Weights, SayWhichTensorIsMissingLeftOverOrOfAnotherShape) {
  const ModelConfig config = preset_config("tiny");
  const auto load_edited = [&](const std::function<void(std::vector<NamedTensor>&)>& edit) {
    const TemporaryFolder folder;
    load_weights(TensorFile::open(write_edited(folder, edit)), config);
  };
  EXPECT_NO_THROW(load_edited([](auto&) {}));
  EXPECT_THAT([&] { load_edited([](auto& t) { named(t, "audio_encoder.conv1.bias").name = "x"; }); },
              ThrowsLpmc(ErrorKind::corrupt,
                         "m.safetensors: audio_encoder.conv1.bias: expected [64], found no such tensor"));
  Tensor extra = Tensor::zeros({2});
  EXPECT_THAT([&] { load_edited([&](auto& t) {
                      t.push_back({"bart.extra", extra});
                    }); },
              ThrowsLpmc(ErrorKind::corrupt, "bart.extra: expected no such tensor"));
  Tensor narrow = Tensor::zeros({64, 80, 3});
  EXPECT_THAT(
      [&] { load_edited([&](auto& t) { named(t, "audio_encoder.conv1.weight").tensor = narrow; }); },
      ThrowsLpmc(ErrorKind::corrupt, "audio_encoder.conv1.weight: expected [64, 128, 3], found [64, 80, 3]"));
  Tensor whole = Tensor::zeros({64}, DType::i32);
  EXPECT_THAT([&] { load_edited([&](auto& t) { named(t, "audio_encoder.conv1.bias").tensor = whole; }); },
              ThrowsLpmc(ErrorKind::corrupt, "expected a floating-point type, found int32"));
}

TEST(Weights, ModulePrefixesAreStrippedAndUntiedCopiesRefused) {
  const ModelConfig config = preset_config("tiny");
  const TemporaryFolder folder;
  const auto path = write_edited(folder, [](auto& tensors) {
    for (NamedTensor& tensor : tensors)
      tensor.name = "module." + tensor.name;
  });
  EXPECT_NO_THROW(load_weights(TensorFile::open(path), config));
  Tensor other = Tensor::zeros({200, 64});
  const auto untied = write_edited(folder, [&](auto& tensors) {
    tensors.push_back({"bart.lm_head.weight", other});
  });
  EXPECT_THAT([&] { load_weights(TensorFile::open(untied), config); },
              ThrowsLpmc(ErrorKind::unsupported, "bart.lm_head.weight: expected the same values as"));
}

TEST(Weights, SurviveSavingInEachType) {
  const ModelConfig config = preset_config("tiny");
  const LoadedWeights model = random_weights(config, 2);
  // Half an ulp of the type at the largest weight (layer norms' 1.0).
  for (const auto& [dtype, tolerance] :
       {std::pair{DType::f32, 0.0}, std::pair{DType::f16, 0x1p-11}, std::pair{DType::bf16, 0x1p-8}}) {
    const TemporaryFolder folder;
    save_weights(folder / "m.safetensors", config, model, dtype);
    const LoadedWeights back = load_weights(TensorFile::open(folder / "m.safetensors"), config);
    EXPECT_EQ(back.weights.shared.dtype(), dtype);
    Tensor as_float(back.weights.shared.shape());
    convert_to_float(back.weights.shared, as_float);
    EXPECT_LE(test::max_abs_difference(as_float.values<float>(), model.weights.shared.values<float>()),
              tolerance);
    // Computed buffers are not in the file; they come from the config.
    EXPECT_EQ(back.store.files.front().find("audio_encoder.mel_encoder.mel_scale.fb"), nullptr);
    EXPECT_EQ(test::max_abs_difference(back.weights.mel_window.values<float>(),
                                       model.weights.mel_window.values<float>()),
              0);
  }
}

TEST(Weights, AFrontEndOfItsOwnIsKept) {
  const ModelConfig config = preset_config("tiny");
  LoadedWeights model = random_weights(config, 2);
  Tensor window = Tensor::zeros({1024});
  model.weights.mel_window = window;
  const TemporaryFolder folder;
  save_weights(folder / "m.safetensors", config, model, DType::f16);
  const LoadedWeights back = load_weights(TensorFile::open(folder / "m.safetensors"), config);
  EXPECT_EQ(test::max_abs_difference(back.weights.mel_window.values<float>(), window.values<float>()), 0);
}

TEST(Weights, NotFiniteOnesAreNamed) {
  const ModelConfig config = preset_config("tiny");
  LoadedWeights model = random_weights(config, 2);
  Tensor bias = Tensor::zeros({64});
  bias.mutable_data<float>()[5] = std::nanf("");
  model.weights.conv1.bias = bias;
  EXPECT_THAT([&] { check_finite(config, model); },
              ThrowsLpmc(ErrorKind::corrupt,
                         "audio_encoder.conv1.bias: expected finite values, found nan at element 5"));
}

/// The computed buffers equal those that torch wrote into the reference's checkpoint.
TEST(Weights, ComputedBuffersEqualTheReferences) {
  LPMC_SKIP_WITHOUT_FIXTURES();
  const ModelConfig config = preset_config("tiny");
  const LoadedWeights model = load_weights(TensorFile::open(*test::fixtures() / "model/tiny.pth"), config);
  const auto difference = [&](std::string_view name, ConstTensorView stored) {
    const Tensor computed = computed_buffer(name, config);
    return test::max_abs_difference(computed.values<float>(), stored.values<float>());
  };
  // Angles reach 31 rad: one float32 ulp of the angle is 2e-6.
  EXPECT_LE(difference("positional_embedding", model.weights.positional_embedding), 4e-6);
  EXPECT_LE(difference("window", model.weights.mel_window), 1e-7);
  EXPECT_LE(difference("fb", model.weights.mel_filterbank), 1e-6);
}

}  // namespace
}  // namespace lpmc
