#pragma once

// Private to inference: the memory of a decoding.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lpmc/inference/bart_decoder.h"
#include "lpmc/inference/layers.h"
#include "lpmc/ops/attention.h"

namespace lpmc {

/// What a model's sizes ask of a cache.
struct CacheSizes {
  std::int64_t layers = 0;
  std::int64_t d_model = 0;
  std::int64_t vocab_size = 0;
  std::int64_t max_positions = 0;
  DType key_values = DType::f32;  ///< what keys and values are kept as: f32 or bf16
  friend bool operator==(const CacheSizes&, const CacheSizes&) = default;
};

/// Keys and values of every token that a living hypothesis has, as a tree: a node is one token of one
/// hypothesis, hypotheses that share a beginning share its nodes. What is written stays where it is;
/// a node that no hypothesis leads to any more is used again.
class KeyValueTree {
 public:
  explicit KeyValueTree(const CacheSizes& sizes);

  static constexpr std::int32_t kNoParent = -1;

  /// A new leaf, held once. Its memory is not initialised.
  std::int32_t append(std::int32_t parent);
  /// Gives one hold back; with the last one the node goes, and its ancestors as far as they only led
  /// to it.
  void release(std::int32_t node);

  /// Tokens from the root to the node, both counted.
  std::int32_t length(std::int32_t node) const { return nodes_[static_cast<std::size_t>(node)].length; }
  /// Where the tokens from the root to the node lie: places[0 .. length). Layer l's key (d_model
  /// elements) and value (as many, behind it) are l * layer_stride() elements behind places[i].
  void places(std::int32_t node, std::byte** places);
  std::byte* place(std::int32_t node);
  std::int64_t layer_stride() const { return chunk_nodes_ * 2 * sizes_.d_model; }
  /// Nodes that are allocated together.
  std::int64_t chunk_nodes() const { return chunk_nodes_; }

  std::size_t size_bytes() const;

 private:
  struct Node {
    std::int32_t parent = kNoParent;
    std::int32_t holds = 0;  ///< children, and the row that ends here
    std::int32_t length = 0;
  };

  void add_chunk();

  CacheSizes sizes_;
  std::int64_t chunk_nodes_;
  std::vector<Node> nodes_;
  std::vector<std::int32_t> free_;
  std::vector<Tensor> chunks_;  // each [layers, chunk nodes, 2 d_model]
};

/// Scratch of a step.
struct StepBuffers {
  RowBuffer hidden, other, query_key_value, query, attended, inner, logits;
  std::vector<ContiguousKeyValues> cross;

  std::size_t size_bytes() const;
};

struct KvCache::Impl {
  explicit Impl(const CacheSizes& model) : sizes(model), tree(model) {}

  /// Takes in a segment and gives the memory for its cross-attention keys and values,
  /// [layers, positions, 2 d_model] of sizes.key_values.
  TensorView add_segment(std::int64_t positions);
  /// Throws Error(invalid_argument) for a parent out of range or a row grown too long.
  void check(std::span<const std::int32_t> parents) const;
  /// The rows become those of the step, each with a new node at its end. @pre check(parents)
  void advance(std::span<const std::int32_t> parents);
  /// `layer`'s cross-attention keys and values of every row.
  std::span<const ContiguousKeyValues> cross_key_values(std::int64_t layer);
  std::size_t size_bytes() const;

  struct Row {
    std::int32_t node = 0;
    std::int32_t segment = 0;
  };
  struct Segment {
    Tensor cross;            ///< [layers, positions, 2 d_model]
    std::int32_t holds = 0;  ///< rows, or 1 while it waits for its first
  };

  CacheSizes sizes;
  KeyValueTree tree;
  std::vector<Row> rows;
  std::vector<std::int32_t> positions;  ///< of every row's newest token, BART's offset added
  std::vector<PastKeyValues> past;      ///< of every row, for self-attention
  StepBuffers buffers;

 private:
  void release_segment(std::int32_t segment);
  void list_places();

  std::vector<Segment> segments_;
  std::vector<std::int32_t> waiting_;  // segments without a row yet, in the order they came
  std::vector<Row> next_rows_;
  std::vector<std::byte*> places_;
};

}  // namespace lpmc
