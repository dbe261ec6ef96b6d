// Weights stored as int8 with scales, and as bfloat16 beside float32.

#include <cmath>
#include <cstring>
#include <functional>

#include "lpmc/model/model_dir.h"
#include "lpmc/tensor/int8_rows.h"

#include "tests/support/fixtures.h"
#include "tests/support/matchers.h"

namespace lpmc {
namespace {

namespace fs = std::filesystem;
using test::TemporaryFolder;
using test::ThrowsLpmc;

const ModelConfig& tiny() {
  static const ModelConfig config = preset_config("tiny");
  return config;
}

const LoadedWeights& random_tiny() {
  static const LoadedWeights model = random_weights(tiny(), 1);
  return model;
}

/// The random tiny model as int8, written by plain loops and changed by `edit`.
class Int8File {
 public:
  using Edit = std::function<void(std::vector<NamedTensor>&)>;

  fs::path write(const Edit& edit = [](auto&) {}) {
    ModelWeights weights = random_tiny().weights;
    std::vector<NamedTensor> tensors;
    visit_weights(weights, tiny(),
                  [&](std::string_view name, const Shape&, WeightRole role, ConstTensorView& field) {
                    if (role == WeightRole::matrix) {
                      add_matrix(std::string(name), field, tensors);
                    } else if (role == WeightRole::parameter || role == WeightRole::buffer) {
                      tensors.push_back({std::string(name), field});
                    }
                  });
    edit(tensors);
    write_safetensors(folder_ / "m.safetensors", tensors, {});
    return folder_ / "m.safetensors";
  }

  LoadedWeights load(const Edit& edit = [](auto&) {}) {
    return load_weights(TensorFile::open(write(edit)), tiny());
  }

 private:
  void add_matrix(const std::string& name, ConstTensorView matrix, std::vector<NamedTensor>& tensors) {
    Tensor q(matrix.shape(), DType::i8), scales({matrix.size(0)});
    for (std::int64_t row = 0; row < matrix.size(0); ++row) {
      const auto x = matrix[row].values<float>();
      float highest = 0;
      for (const float value : x)
        highest = std::max(highest, std::abs(value));
      const float inverse = highest > 0 ? 127.0F / highest : 0.0F;
      scales.mutable_data<float>()[row] = highest > 0 ? highest / 127.0F : 1.0F;
      for (std::size_t i = 0; i < x.size(); ++i) {
        const std::size_t at = static_cast<std::size_t>(row) * x.size() + i;
        q.mutable_data<std::int8_t>()[at] = static_cast<std::int8_t>(std::nearbyint(x[i] * inverse));
      }
    }
    tensors.push_back({name, made_.emplace_back(std::move(q))});
    tensors.push_back({name + "_scale", made_.emplace_back(std::move(scales))});
  }

  TemporaryFolder folder_;
  std::vector<Tensor> made_;
};

NamedTensor& named(std::vector<NamedTensor>& tensors, std::string_view name) {
  return *std::ranges::find(tensors, name, &NamedTensor::name);
}

TEST(QuantizedWeights, AreLoadedWithTheirScales) {
  Int8File file;
  const LoadedWeights model = file.load();
  const ModelWeights& w = model.weights;
  for (const auto& [values, scale] :
       {std::pair{w.shared, w.shared_scale}, std::pair{w.conv1.weight, w.conv1.scale},
        std::pair{w.decoder_layers[1].fc2.weight, w.decoder_layers[1].fc2.scale}}) {
    EXPECT_EQ(values.dtype(), DType::i8);
    EXPECT_EQ(scale.shape(), Shape({values.size(0)}));
    EXPECT_EQ(scale.dtype(), DType::f32);
  }
  EXPECT_EQ(w.conv1.bias.dtype(), DType::f32);
  EXPECT_NO_THROW(check_finite(tiny(), model));
}

TEST(QuantizedWeights, ScalesBelongToInt8Alone) {
  ModelWeights none;
  visit_weights(none, tiny(), [](std::string_view name, const Shape&, WeightRole role, ConstTensorView&) {
    EXPECT_NE(role, WeightRole::scale) << name;
  });
  Int8File file;
  ModelWeights weights = file.load().weights;
  std::int64_t matrices = 0, scales = 0;
  visit_weights(weights, tiny(), [&](std::string_view, const Shape&, WeightRole role, ConstTensorView&) {
    matrices += role == WeightRole::matrix;
    scales += role == WeightRole::scale;
  });
  // shared, 2 x (4 + 2) and 2 x (8 + 2) linear layers, 6 convolutions
  EXPECT_EQ(matrices, 39);
  EXPECT_EQ(scales, matrices);
}

TEST(QuantizedWeights, SayWhatIsWrongWithAScale) {
  constexpr std::string_view kWeight = "audio_encoder.conv1.weight",
                             kScale = "audio_encoder.conv1.weight_scale";
  Tensor wrong_shape = Tensor::zeros({63}), wrong_type = Tensor::zeros({64}, DType::f16);
  Tensor zero = Tensor::zeros({64});
  Tensor matrix = Tensor::zeros({64, 128, 3}), bias = Tensor::zeros({64}, DType::i8);
  const auto expect = [](const Int8File::Edit& edit, const std::string& message) {
    Int8File file;
    EXPECT_THAT([&] { file.load(edit); }, ThrowsLpmc(ErrorKind::corrupt, message));
  };
  expect([&](auto& t) { std::erase_if(t, [&](const NamedTensor& x) { return x.name == kScale; }); },
         "m.safetensors: audio_encoder.conv1.weight_scale: expected [64], found no such tensor");
  expect([&](auto& t) { named(t, kScale).tensor = wrong_shape; },
         "audio_encoder.conv1.weight_scale: expected [64], found [63]");
  expect([&](auto& t) { named(t, kScale).tensor = wrong_type; },
         "audio_encoder.conv1.weight_scale: expected float32, found float16");
  expect([&](auto& t) { named(t, kScale).tensor = zero; },
         "audio_encoder.conv1.weight_scale: expected finite values over 0, found 0 at row 0");
  expect([&](auto& t) { named(t, kWeight).tensor = matrix; },
         "audio_encoder.conv1.weight_scale: expected none beside weights of float32, found one");
  expect([&](auto& t) { named(t, "audio_encoder.conv1.bias").tensor = bias; },
         "audio_encoder.conv1.bias: expected a floating-point type, found int8");
  std::vector<float> bad(64, 1.0F);
  for (const float value : {std::nanf(""), INFINITY, -1.0F}) {
    bad[7] = value;
    expect(
        [&](auto& t) {
          named(t, kScale).tensor = {bad.data(), DType::f32, {64}};
        },
        "expected finite values over 0");
  }
}

TEST(QuantizedWeights, ModulePrefixesAndTiedCopies) {
  Int8File file;
  EXPECT_NO_THROW(file.load([](auto& tensors) {
    const ConstTensorView shared = named(tensors, "bart.model.shared.weight").tensor;
    tensors.push_back({"bart.lm_head.weight", shared});
    for (NamedTensor& tensor : tensors)
      tensor.name = "module." + tensor.name;
  }));
}

TEST(QuantizedWeights, Minus128IsFoundByTheCheck) {
  Int8File file;
  Tensor low = Tensor::zeros({64, 64, 3}, DType::i8);
  low.mutable_data<std::int8_t>()[9] = -128;
  const LoadedWeights model =
      file.load([&](auto& tensors) { named(tensors, "audio_encoder.conv_stack.0.weight").tensor = low; });
  EXPECT_THAT(
      [&] { check_finite(tiny(), model); },
      ThrowsLpmc(
          ErrorKind::corrupt,
          "audio_encoder.conv_stack.0.weight: expected values of -127 to 127, found -128 at element 9"));
}

Model tiny_model() {
  Model model;
  model.files.name = "models/tiny";
  model.config = tiny();
  model.weights = random_weights(tiny(), 1);
  model.generation_config = nlohmann::json::object();
  return model;
}

bool equal_bytes(ConstTensorView a, ConstTensorView b) {
  return a.dtype() == b.dtype() && a.shape() == b.shape() &&
         std::memcmp(a.bytes(), b.bytes(), a.size_bytes()) == 0;
}

TEST(QuantizeModel, WritesMatricesAsInt8AndTheRestAsFloat32) {
  const TemporaryFolder folder;
  quantize_model(folder / "q", tiny_model(), DType::i8, false);
  const Model q = open_model(find_model((folder / "q").string()));
  EXPECT_EQ(stored_dtype(q), DType::i8);
  EXPECT_EQ(read_json_file(folder / "q/config.json")["lpmc"]["dtype"], "int8");
  EXPECT_EQ(q.config, tiny());
  Int8File by_hand;
  LoadedWeights expected = by_hand.load();
  std::vector<ConstTensorView> all;
  visit_weights(
      expected.weights, tiny(),
      [&](std::string_view, const Shape&, WeightRole, ConstTensorView& field) { all.push_back(field); });
  ModelWeights found = q.weights.weights;
  std::size_t i = 0;
  visit_weights(found, tiny(),
                [&](std::string_view name, const Shape&, WeightRole role, ConstTensorView& field) {
                  EXPECT_TRUE(equal_bytes(field, all.at(i++))) << name;
                  if (role == WeightRole::parameter || role == WeightRole::buffer) {
                    EXPECT_EQ(field.dtype(), DType::f32) << name;
                  }
                });
  EXPECT_THAT(test::read_file(folder / "q/README.md"),
              ::testing::HasSubstr("from `tiny`, whose weights were float32"));
}

TEST(QuantizeModel, WritesMatricesAsBfloat16AndTheRestAsFloat32) {
  const TemporaryFolder folder;
  quantize_model(folder / "q", tiny_model(), DType::bf16, false);
  const Model q = open_model(find_model((folder / "q").string()));
  EXPECT_EQ(stored_dtype(q), DType::bf16);
  ModelWeights found = q.weights.weights;
  visit_weights(found, tiny(),
                [&](std::string_view name, const Shape&, WeightRole role, ConstTensorView& field) {
                  const bool is_matrix = role == WeightRole::matrix || role == WeightRole::alias;
                  EXPECT_EQ(field.dtype(), is_matrix ? DType::bf16 : DType::f32) << name;
                });
}

TEST(QuantizeModel, RefusesWhatMakesNoSense) {
  const TemporaryFolder folder;
  const Model model = tiny_model();
  EXPECT_THAT([&] { quantize_model(folder / "q", model, DType::f16, false); },
              ThrowsLpmc(ErrorKind::invalid_argument, "quantize: expected int8 or bfloat16, found float16"));
  quantize_model(folder / "q", model, DType::i8, false);
  EXPECT_THAT([&] { quantize_model(folder / "q", model, DType::i8, false); },
              ThrowsLpmc(ErrorKind::invalid_argument, "--overwrite"));
  const Model again = open_model(find_model((folder / "q").string()));
  for (const DType dtype : {DType::i8, DType::bf16}) {
    EXPECT_THAT([&] { quantize_model(folder / "r", again, dtype, false); },
                ThrowsLpmc(ErrorKind::invalid_argument, "quantize from the original model"));
  }
  EXPECT_FALSE(fs::exists(folder / "r"));
  Model broken = tiny_model();
  Tensor conv = Tensor::zeros({64, 128, 3});
  conv.mutable_data<float>()[3] = INFINITY;
  broken.weights.weights.conv1.weight = conv;
  EXPECT_THAT(
      [&] { quantize_model(folder / "r", broken, DType::i8, false); },
      ThrowsLpmc(ErrorKind::corrupt, "audio_encoder.conv1.weight: expected finite values, found inf"));
}

TEST(QuantizeModel, Int8GoesBackToFloat) {
  const TemporaryFolder folder;
  quantize_model(folder / "q", tiny_model(), DType::i8, false);
  const Model q = open_model(find_model((folder / "q").string()));
  Tensor expected(q.weights.weights.shared.shape());
  dequantize_rows(q.weights.weights.shared, q.weights.weights.shared_scale, expected);

  write_model_folder(folder / "f", q, DType::f32, false);
  const Model back = open_model(find_model((folder / "f").string()));
  EXPECT_TRUE(equal_bytes(back.weights.weights.shared, expected));
  EXPECT_EQ(back.weights.store.files.front().find("bart.model.shared.weight_scale"), nullptr);

  write_model_folder(folder / "same", q, stored_dtype(q), false);
  EXPECT_EQ(test::read_file(folder / "same/model.safetensors"),
            test::read_file(folder / "q/model.safetensors"));

  export_pth(folder / "f/last.pth", q.config, q.weights, 0);
  const LoadedWeights pth = load_weights(TensorFile::open(folder / "f/last.pth"), tiny());
  EXPECT_TRUE(equal_bytes(pth.weights.shared, expected));
  ConstTensorView fc1 = pth.weights.encoder_layers[0].fc1.weight;
  EXPECT_TRUE(equal_bytes(fc1, back.weights.weights.encoder_layers[0].fc1.weight));
}

TEST(QuantizedWeights, GivingPagesBackLosesNothing) {
  Int8File file;
  const LoadedWeights model = file.load();
  const Tensor before = Tensor::copy_of(model.weights.shared);
  model.weights.give_back_pages();
  EXPECT_TRUE(equal_bytes(model.weights.shared, before));
  EXPECT_NO_THROW(random_tiny().weights.give_back_pages());  // memory of its own: nothing to give
  EXPECT_NO_THROW(check_finite(tiny(), random_tiny()));
}

}  // namespace
}  // namespace lpmc
