// Checkpoints of the reference implementation: names, shapes and types of every tensor, ties, and
// sums of values taken with torch.load and NumPy.

#include <cmath>
#include <cstring>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "lpmc/checkpoint/tensor_file.h"

#include "tests/support/fixtures.h"

namespace lpmc::test {
namespace {

const std::set<std::string> kTied = {"bart.model.shared.weight", "bart.model.encoder.embed_tokens.weight",
                                     "bart.model.decoder.embed_tokens.weight", "bart.lm_head.weight"};

/// The four tied tensors share one storage; every other tensor has one of its own.
void expect_ties(const TensorFile& file) {
  std::set<std::uint64_t> storages;
  for (const StoredTensor& tensor : file.tensors())
    storages.insert(tensor.storage);
  EXPECT_EQ(storages.size(), file.tensors().size() - 3);
  const StoredTensor* shared = file.find("bart.model.shared.weight");
  ASSERT_NE(shared, nullptr);
  for (const std::string& name : kTied) {
    ASSERT_NE(file.find(name), nullptr) << name;
    EXPECT_EQ(file.find(name)->storage, shared->storage) << name;
    EXPECT_EQ(file.find(name)->data, shared->data) << name;
  }
}

struct Sample {
  std::string name;
  double sum;
  float first, last;
};

void expect_sample(const TensorFile& file, const Sample& expected) {
  SCOPED_TRACE(expected.name);
  const StoredTensor* tensor = file.find(expected.name);
  ASSERT_NE(tensor, nullptr);
  const Tensor read = read_tensor(*tensor);
  const auto values = read.values<float>();
  EXPECT_EQ(values.front(), expected.first);
  EXPECT_EQ(values.back(), expected.last);
  double sum = 0;
  double magnitude = 0;
  for (const float value : values) {
    sum += value;
    magnitude += std::abs(static_cast<double>(value));
  }
  // Two orders of adding n exact float64 terms differ by at most 2 n eps times their magnitudes' sum.
  const double terms = static_cast<double>(values.size());
  EXPECT_NEAR(sum, expected.sum, 2 * terms * std::numeric_limits<double>::epsilon() * magnitude);
}

void expect_tiny_names(const std::string& name) {
  const TensorFile file = TensorFile::open(*fixtures() / "model" / name);
  const auto expected = nlohmann::json::parse(read_file(*fixtures() / "model/state_dict_tiny.json"));
  ASSERT_EQ(file.tensors().size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const StoredTensor& tensor = file.tensors()[i];
    EXPECT_EQ(tensor.name, expected[i]["key"].get<std::string>());
    EXPECT_EQ(to_string(tensor.shape),
              to_string(Shape(expected[i]["shape"].get<std::vector<std::int64_t>>())));
    EXPECT_EQ(to_string(tensor.dtype), expected[i]["dtype"].get<std::string>());
    EXPECT_TRUE(tensor.is_contiguous()) << tensor.name;
  }
  expect_ties(file);
  file.verify_checksums();
}

TEST(CheckpointGolden, TinyHasEveryTensorOfTheStateDict) {
  LPMC_SKIP_WITHOUT_FIXTURES();
  expect_tiny_names("tiny.pth");
}

TEST(CheckpointGolden, TrainedTinyHasEveryTensorOfTheStateDict) {
  LPMC_SKIP_WITHOUT_FIXTURES();
  expect_tiny_names("trained_tiny.pth");
}

TEST(CheckpointGolden, TinyHasTheValuesThatPythonReads) {
  LPMC_SKIP_WITHOUT_FIXTURES();
  const TensorFile tiny = TensorFile::open(*fixtures() / "model/tiny.pth");
  expect_sample(tiny, {"bart.model.shared.weight", 27.875245312061452, -0.14762422F, 0.35776243F});
  expect_sample(tiny, {"audio_encoder.conv1.weight", 0.4566691266274461, -0.007950965F, 0.005713539F});
  expect_sample(tiny, {"audio_encoder.mel_encoder.mel_scale.fb", 506.10602403676603, 0.0F, 0.0F});
  EXPECT_EQ(tiny.metadata().at("epoch"), "0");
  const TensorFile trained = TensorFile::open(*fixtures() / "model/trained_tiny.pth");
  expect_sample(trained,
                {"bart.model.decoder.layers.1.fc2.weight", 1.015721533847227, -0.05011754F, -0.026180262F});
  EXPECT_EQ(trained.metadata().at("epoch"), "339");
}

// Written by torch 2.14, the others by 1.13.
TEST(CheckpointGolden, TheFirstModelIsWhole) {
  const auto path = shared_path("models/v0/model.pth");
  if (!path) GTEST_SKIP() << "models/v0/model.pth is not there";
  const TensorFile file = TensorFile::open(*path);
  EXPECT_EQ(file.tensors().size(), 152U);
  EXPECT_EQ(file.metadata().at("epoch"), "15");
  expect_ties(file);
  expect_sample(file, {"bart.model.shared.weight", 190.50503912856806, 0.007044661F, -0.018923007F});
  expect_sample(file, {"audio_encoder.conv_stack.4.weight", -410.94734424302294, 0.029508406F, 0.044383917F});
  expect_sample(file,
                {"bart.model.encoder.layers.0.fc1.bias", -4.656088797576558, -0.009049041F, -0.008869247F});
  file.verify_checksums();
}

TEST(CheckpointGolden, WrittenBackItIsTheSame) {
  LPMC_SKIP_WITHOUT_FIXTURES();
  const TemporaryFolder folder;
  const TensorFile file = TensorFile::open(*fixtures() / "model/tiny.pth");
  std::vector<NamedTensor> tensors;
  for (const StoredTensor& tensor : file.tensors()) {
    tensors.push_back({tensor.name, {tensor.data, tensor.dtype, tensor.shape}});
  }
  write_pth(folder / "again.pth", tensors, 0);
  write_safetensors(folder / "again.safetensors", tensors, {});
  expect_ties(TensorFile::open(folder / "again.pth"));
  for (const char* name : {"again.pth", "again.safetensors"}) {
    const TensorFile again = TensorFile::open(folder / name);
    ASSERT_EQ(again.tensors().size(), file.tensors().size());
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      EXPECT_EQ(again.tensors()[i].name, tensors[i].name);
      const Tensor copy = read_tensor(again.tensors()[i]);
      EXPECT_EQ(std::memcmp(copy.view().bytes(), tensors[i].tensor.bytes(), tensors[i].tensor.size_bytes()),
                0);
    }
  }
}

}  // namespace
}  // namespace lpmc::test
