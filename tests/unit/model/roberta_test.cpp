#include "lpmc/model/roberta.h"

#include <fstream>
#include <functional>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/fixtures.h"
#include "tests/support/matchers.h"
#include "tests/support/small_roberta.h"

namespace lpmc {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::ThrowsLpmc;

/// A copy of the small model in a folder of its own, to be spoilt.
class RobertaFolder : public ::testing::Test {
 protected:
  RobertaFolder() {
    for (const char* name : {"config.json", "model.safetensors", "vocab.json", "merges.txt"})
      fs::copy_file(test::small_roberta_folder() / name, folder() / name);
  }

  fs::path folder() const { return temporary_.path(); }
  RobertaModel open(int layers = 0) const { return open_roberta(find_roberta(folder().string()), layers); }

  void set_config(const std::string& key, const json& value) const {
    std::ifstream in(folder() / "config.json");
    json config = json::parse(in);
    config[key] = value;
    std::ofstream(folder() / "config.json") << config.dump();
  }

  /// Writes the weights again, each as `change` leaves it; an empty name leaves it out.
  void rewrite_weights(const std::function<void(NamedTensor&)>& change, bool as_bin = false) const {
    const TensorFile file = TensorFile::open(test::small_roberta_folder() / "model.safetensors");
    std::vector<Tensor> keep;
    std::vector<NamedTensor> tensors;
    for (const StoredTensor& stored : file.tensors()) {
      keep.push_back(read_tensor(stored));
      NamedTensor tensor{stored.name, keep.back()};
      change(tensor);
      if (!tensor.name.empty()) tensors.push_back(tensor);
    }
    if (as_bin) {
      fs::remove(folder() / "model.safetensors");
      write_pth(folder() / "pytorch_model.bin", tensors, 0);
    } else {
      write_safetensors(folder() / "model.safetensors", tensors, {});
    }
  }

  static void expect_same_weights(const RobertaModel& a, const RobertaModel& b) {
    ASSERT_EQ(a.weights.layers.size(), b.weights.layers.size());
    EXPECT_EQ(test::max_abs_difference(a.weights.word_embeddings.values<float>(),
                                       b.weights.word_embeddings.values<float>()),
              0.0);
    EXPECT_EQ(test::max_abs_difference(a.weights.layers.back().fc2.weight.values<float>(),
                                       b.weights.layers.back().fc2.weight.values<float>()),
              0.0);
  }

 private:
  test::TemporaryFolder temporary_;
};

TEST_F(RobertaFolder, sizes_and_weights_are_read) {
  const RobertaModel model = open(2);
  EXPECT_EQ(model.config.hidden_size, 30);
  EXPECT_EQ(model.config.num_hidden_layers, 3);
  EXPECT_EQ(model.config.max_tokens(), 30);
  EXPECT_DOUBLE_EQ(model.config.layer_norm_eps, 1e-3);
  EXPECT_EQ(model.weights.layers.size(), 2U);
  EXPECT_EQ(model.weights.layers[1].fc1.weight.shape(), (Shape{44, 30}));
}

TEST_F(RobertaFolder, names_with_a_prefix_and_a_head_beside_are_taken_too) {
  const RobertaModel plain = open(2);
  rewrite_weights([](NamedTensor& tensor) { tensor.name = "roberta." + tensor.name; });
  expect_same_weights(open(2), plain);
}

TEST_F(RobertaFolder, pytorch_model_bin_is_read) {
  const RobertaModel plain = open(3);
  rewrite_weights([](NamedTensor& tensor) { tensor.name = "roberta." + tensor.name; }, true);
  expect_same_weights(open(3), plain);
}

TEST_F(RobertaFolder, layers_above_are_not_looked_at) {
  rewrite_weights([](NamedTensor& tensor) {
    if (tensor.name.starts_with("encoder.layer.2.")) tensor.name.clear();
  });
  EXPECT_EQ(open(2).weights.layers.size(), 2U);
  EXPECT_THAT([&] { open(3); },
              ThrowsLpmc(ErrorKind::corrupt, "encoder.layer.2.attention.self.query.weight"));
}

TEST_F(RobertaFolder, half_precision_weights_are_taken_as_they_are) {
  std::vector<Tensor> halves;
  rewrite_weights([&](NamedTensor& tensor) {
    halves.push_back(convert_from_float(tensor.tensor, DType::bf16));
    tensor.tensor = halves.back();
  });
  EXPECT_EQ(open(1).weights.word_embeddings.dtype(), DType::bf16);
}

TEST_F(RobertaFolder, wrong_weights_are_named) {
  rewrite_weights([](NamedTensor& tensor) {
    if (tensor.name == "embeddings.LayerNorm.bias") tensor.name = "something.else";
  });
  EXPECT_THAT([&] { open(); }, ThrowsLpmc(ErrorKind::corrupt,
                                          "embeddings.LayerNorm.bias: expected [30], found no such tensor"));
  set_config("intermediate_size", 45);
  rewrite_weights([](NamedTensor&) {});
  EXPECT_THAT([&] { open(); }, ThrowsLpmc(ErrorKind::corrupt, "expected [45, 30], found [44, 30]"));
}

TEST_F(RobertaFolder, other_networks_and_senseless_sizes_are_refused) {
  set_config("model_type", "bert");
  EXPECT_THAT([&] { open(); },
              ThrowsLpmc(ErrorKind::unsupported, "model_type: expected \"roberta\", found \"bert\""));
  set_config("model_type", "roberta");
  set_config("hidden_act", "gelu_new");
  EXPECT_THAT([&] { open(); }, ThrowsLpmc(ErrorKind::unsupported, "hidden_act"));
  set_config("hidden_act", "gelu");
  set_config("num_attention_heads", 7);
  EXPECT_THAT([&] { open(); },
              ThrowsLpmc(ErrorKind::invalid_argument, "expected a divisor of hidden_size 30"));
  set_config("num_attention_heads", 3);
  set_config("max_position_embeddings", 3);
  EXPECT_THAT([&] { open(); }, ThrowsLpmc(ErrorKind::invalid_argument, "max_position_embeddings"));
  set_config("max_position_embeddings", "many");
  EXPECT_THAT([&] { open(); }, ThrowsLpmc(ErrorKind::invalid_argument, "expected a whole number"));
}

TEST_F(RobertaFolder, a_layer_that_is_not_there_is_refused) {
  EXPECT_THAT([&] { open(4); }, ThrowsLpmc(ErrorKind::invalid_argument, "layer: expected 1 to 3, found 4"));
  EXPECT_THAT([&] { open(-1); }, ThrowsLpmc(ErrorKind::invalid_argument, "found -1"));
}

TEST_F(RobertaFolder, what_is_missing_is_named) {
  EXPECT_THAT([] { find_roberta("no-such-roberta"); },
              ThrowsLpmc(ErrorKind::not_found, "lpmc model pull roberta-large"));
  fs::remove(folder() / "model.safetensors");
  EXPECT_THAT([&] { open(); }, ThrowsLpmc(ErrorKind::not_found, "pytorch_model.bin"));
  fs::remove(folder() / "merges.txt");
  EXPECT_THAT([&] { open(); }, ThrowsLpmc(ErrorKind::not_found, "merges.txt"));
}

TEST(Roberta, the_layer_bert_score_takes_goes_by_depth) {
  RobertaConfig config;
  EXPECT_EQ(default_bertscore_layer(config), 17);
  config.num_hidden_layers = 12;
  EXPECT_EQ(default_bertscore_layer(config), 10);
  config.num_hidden_layers = 6;
  EXPECT_EQ(default_bertscore_layer(config), 5);
  config.num_hidden_layers = 3;
  EXPECT_EQ(default_bertscore_layer(config), 3);
}

}  // namespace
}  // namespace lpmc
