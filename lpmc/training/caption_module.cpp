#include "lpmc/training/caption_module.h"

#include <limits>

#include "lpmc/base/error.h"
#include "lpmc/training/caption_layers.h"
#include "lpmc/training/token_loss.h"

namespace lpmc {
namespace {

void check(const DropoutOptions& options) {
  DropoutOptions copy = options;
  visit(copy, [](std::string_view name, double probability, std::string_view) {
    LPMC_REQUIRE(probability >= 0 && probability < 1, invalid_argument, "{}: expected 0 <= p < 1, found {}",
                 name, probability);
  });
}

void check_text(const torch::Tensor& ids, const torch::Tensor& mask, const ModelConfig& config) {
  LPMC_REQUIRE(ids.dim() == 2 && ids.scalar_type() == torch::kInt64, invalid_argument,
               "token ids: expected [batch, length] int64, found {} {}", c10::str(ids.sizes()),
               c10::toString(ids.scalar_type()));
  LPMC_REQUIRE(mask.sizes() == ids.sizes(), invalid_argument, "attention mask: expected {}, found {}",
               c10::str(ids.sizes()), c10::str(mask.sizes()));
  LPMC_REQUIRE(ids.size(1) <= config.max_position_embeddings, invalid_argument,
               "token ids: expected at most {} a row, found {}", config.max_position_embeddings, ids.size(1));
  if (ids.numel() == 0) return;
  const auto lowest = ids.min().item<std::int64_t>(), highest = ids.max().item<std::int64_t>();
  LPMC_REQUIRE(lowest >= 0 && highest < config.vocab_size, invalid_argument,
               "token ids: expected 0 to {}, found {}", config.vocab_size - 1, lowest < 0 ? lowest : highest);
}

}  // namespace

struct CaptionModuleImpl::Parts {
  torch::Tensor shared, final_logits_bias;
  std::shared_ptr<AudioEncoderModule> audio_encoder;
  std::shared_ptr<LayerStack> encoder, decoder;

  /// The states of the decoder at the rows of `layout`.
  /// @param token_ids of those rows
  /// @param key_mask [batch, length], 0 = not seen
  torch::Tensor decode(const torch::Tensor& encoder_out, const torch::Tensor& token_ids,
                       const RowLayout& layout, const torch::Tensor& key_mask) const;
  std::int64_t pad_token_id = 0;
};

torch::Tensor CaptionModuleImpl::Parts::decode(const torch::Tensor& encoder_out,
                                               const torch::Tensor& token_ids, const RowLayout& layout,
                                               const torch::Tensor& key_mask) const {
  // A sparse gradient of the few rows read; autograd adds it to the output layer's dense one in place.
  const torch::Tensor embedded =
      torch::embedding(shared, token_ids, pad_token_id, /*scale_grad_by_freq=*/false, /*sparse=*/true);
  const auto options = torch::TensorOptions(shared.device());
  const torch::Tensor visible =
      torch::ones({layout.length, layout.length}, options.dtype(torch::kBool)).tril() &
      key_mask.to(shared.device()).ne(0).view({layout.batch, 1, 1, layout.length});
  // As the reference, the lowest finite value: a row that sees nothing gives no NaN.
  const double lowest = std::numeric_limits<float>::lowest();
  const torch::Tensor mask =
      torch::zeros(visible.sizes(), shared.options().requires_grad(false)).masked_fill(~visible, lowest);
  const RowLayout audio{.batch = encoder_out.size(0), .length = encoder_out.size(1), .positions = {}};
  const torch::Tensor audio_rows = audio.to_rows(encoder_out);
  const AttentionMemory memory{audio_rows, audio, {}};
  return decoder->forward(embedded, layout, mask, &memory);
}

CaptionModuleImpl::CaptionModuleImpl(const ModelConfig& config, const DropoutOptions& dropout)
    : config_(config), parts_(std::make_shared<Parts>()) {
  validate(config, "model");
  check(dropout);
  parts_->pad_token_id = config.pad_token_id;
  parts_->shared = torch::zeros({config.vocab_size, config.d_model});
  const auto bart = register_module("bart", std::make_shared<torch::nn::Module>());
  parts_->final_logits_bias =
      bart->register_buffer("final_logits_bias", torch::zeros({1, config.vocab_size}));
  const auto model = bart->register_module("model", std::make_shared<torch::nn::Module>());
  parts_->shared = model->register_module("shared", std::make_shared<Embedding>(parts_->shared))->weight;
  parts_->encoder = model->register_module(
      "encoder", std::make_shared<LayerStack>(config, dropout, /*is_decoder=*/false, parts_->shared));
  parts_->decoder = model->register_module(
      "decoder", std::make_shared<LayerStack>(config, dropout, /*is_decoder=*/true, parts_->shared));
  bart->register_module("lm_head", std::make_shared<Embedding>(parts_->shared));
  parts_->audio_encoder = register_module("audio_encoder", std::make_shared<AudioEncoderModule>(config));
  load_into(*this, random_weights(config, 0));
}

CaptionModuleImpl::~CaptionModuleImpl() = default;

torch::Tensor CaptionModuleImpl::encode(const torch::Tensor& log_mel) {
  LPMC_REQUIRE(log_mel.dim() == 3 && log_mel.size(1) == config_.mel.n_mels, invalid_argument,
               "log-mel: expected [batch, {}, frames], found {}", config_.mel.n_mels,
               c10::str(log_mel.sizes()));
  const std::int64_t frames = num_frames(config_.segment_samples(), config_.mel);
  LPMC_REQUIRE(log_mel.size(2) == frames, invalid_argument, "log-mel: expected {} frames, found {}", frames,
               log_mel.size(2));
  const torch::Tensor embedded = parts_->audio_encoder->forward(log_mel);
  const RowLayout layout{.batch = embedded.size(0), .length = embedded.size(1), .positions = {}};
  const torch::Tensor rows = parts_->encoder->forward(layout.to_rows(embedded), layout, {}, nullptr);
  return rows.view({layout.batch, layout.length, config_.d_model});
}

torch::Tensor CaptionModuleImpl::decode(const torch::Tensor& encoder_out,
                                        const torch::Tensor& decoder_input_ids,
                                        const torch::Tensor& decoder_attention_mask) {
  check_text(decoder_input_ids, decoder_attention_mask, config_);
  const RowLayout layout{
      .batch = decoder_input_ids.size(0), .length = decoder_input_ids.size(1), .positions = {}};
  const torch::Tensor ids = decoder_input_ids.to(parts_->shared.device()).reshape({-1});
  const torch::Tensor hidden = parts_->decode(encoder_out, ids, layout, decoder_attention_mask);
  const torch::Tensor logits = torch::matmul(hidden, parts_->shared.t()) + parts_->final_logits_bias;
  return logits.view({layout.batch, layout.length, config_.vocab_size});
}

LossSum CaptionModuleImpl::loss(const torch::Tensor& log_mel, const TextBatch& text, double label_smoothing) {
  check_text(text.input_ids, text.attention_mask, config_);
  LPMC_REQUIRE(log_mel.size(0) == text.input_ids.size(0), invalid_argument,
               "batch: expected as many texts as clips ({}), found {}", log_mel.size(0),
               text.input_ids.size(0));
  LPMC_REQUIRE(label_smoothing >= 0 && label_smoothing < 1, invalid_argument,
               "label-smoothing: expected 0 <= smoothing < 1, found {}", label_smoothing);
  // Everything about which rows there are is worked out where the ids are, before the device is busy.
  const torch::Tensor ids = text.input_ids;
  const torch::Tensor is_target = ids.ne(config_.pad_token_id);
  const torch::Tensor start = torch::full({ids.size(0), 1}, config_.decoder_start_token_id, ids.options());
  const torch::Tensor shifted = torch::cat({start, ids.narrow(1, 0, ids.size(1) - 1)}, 1).reshape({-1});
  const torch::Tensor positions = (is_target | text.attention_mask.ne(0)).reshape({-1}).nonzero().squeeze(1);
  const torch::Tensor counted = is_target.reshape({-1}).index_select(0, positions).nonzero().squeeze(1);
  const torch::Tensor targets =
      ids.reshape({-1}).index_select(0, positions).index_select(0, counted).to(parts_->shared.device());

  const torch::Device device = parts_->shared.device();
  const RowLayout layout{.batch = ids.size(0), .length = ids.size(1), .positions = positions.to(device)};
  torch::Tensor hidden = parts_->decode(encode(log_mel), shifted.index_select(0, positions).to(device),
                                        layout, text.attention_mask);
  // A text may contain the padding token itself: it is seen but not counted.
  if (counted.size(0) != positions.size(0)) hidden = hidden.index_select(0, counted.to(device));
  const TokenLoss loss = label_smoothed_loss(
      hidden, {.weight = parts_->shared, .bias = parts_->final_logits_bias}, targets, label_smoothing);
  return {.sum = loss.sum, .tokens = counted.size(0), .correct = loss.correct, .nll_sum = loss.nll_sum};
}

}  // namespace lpmc
