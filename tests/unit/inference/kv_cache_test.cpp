#include "lpmc/inference/kv_cache.h"

#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace lpmc {
namespace {

constexpr std::int32_t kRoot = KeyValueTree::kNoParent;

KeyValueTree tree_of(std::int64_t layers, std::int64_t d_model, DType dtype = DType::f32) {
  return KeyValueTree({.layers = layers, .d_model = d_model, .key_values = dtype});
}

std::vector<std::byte*> places(KeyValueTree& tree, std::int32_t node) {
  std::vector<std::byte*> found(static_cast<std::size_t>(tree.length(node)));
  tree.places(node, found.data());
  return found;
}

TEST(KeyValueTree, hypotheses_share_their_beginning) {
  KeyValueTree tree = tree_of(2, 4);
  const std::int32_t a = tree.append(kRoot);
  const std::int32_t b = tree.append(a);
  const std::int32_t c = tree.append(a);
  EXPECT_EQ(tree.length(b), 2);
  EXPECT_EQ(places(tree, b), (std::vector<std::byte*>{tree.place(a), tree.place(b)}));
  EXPECT_EQ(places(tree, c), (std::vector<std::byte*>{tree.place(a), tree.place(c)}));
}

TEST(KeyValueTree, a_dead_branch_is_used_again_and_a_living_one_is_not) {
  KeyValueTree tree = tree_of(1, 4);
  const std::int32_t a = tree.append(kRoot);
  const std::int32_t b = tree.append(a);
  const std::int32_t c = tree.append(b);
  const std::int32_t d = tree.append(a);
  tree.release(a);  // the rows moved on to their children
  tree.release(b);
  tree.release(c);  // nobody continues c: b goes with it, a stays for d
  const std::set<std::int32_t> again = {tree.append(kRoot), tree.append(kRoot)};
  EXPECT_EQ(again, (std::set<std::int32_t>{b, c}));
  EXPECT_EQ(places(tree, d), (std::vector<std::byte*>{tree.place(a), tree.place(d)}));
}

TEST(KeyValueTree, memory_follows_the_living) {
  KeyValueTree tree = tree_of(3, 8);
  std::int32_t last = tree.append(kRoot);
  const std::size_t one_chunk = tree.size_bytes();
  // A hypothesis and a sibling that is given up at once: never more than two nodes beyond its length.
  const auto steps = static_cast<std::int32_t>(tree.chunk_nodes()) - 2;
  for (std::int32_t i = 1; i < steps; ++i) {
    const std::int32_t next = tree.append(last);
    tree.release(tree.append(last));
    tree.release(last);
    last = next;
  }
  EXPECT_EQ(tree.length(last), steps);
  EXPECT_EQ(tree.size_bytes(), one_chunk);
  const std::vector<std::byte*> path = places(tree, last);
  EXPECT_EQ(std::set<std::byte*>(path.begin(), path.end()).size(), path.size());
  tree.release(last);
  for (std::int64_t i = 0; i < tree.chunk_nodes(); ++i)
    tree.append(kRoot);
  EXPECT_EQ(tree.size_bytes(), one_chunk);
  tree.append(kRoot);
  EXPECT_GT(tree.size_bytes(), one_chunk);
}

TEST(KeyValueTree, layers_and_chunks_do_not_overlap) {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    KeyValueTree tree = tree_of(3, 8, dtype);
    const auto bytes = static_cast<std::int64_t>(size_of(dtype));
    const std::int64_t nodes = 2 * tree.chunk_nodes() + 6;
    std::set<std::byte*> starts;
    for (std::int64_t i = 0; i < nodes; ++i) {
      std::byte* place = tree.place(tree.append(kRoot));
      for (std::int64_t layer = 0; layer < 3; ++layer)
        starts.insert(place + layer * tree.layer_stride() * bytes);
    }
    ASSERT_EQ(starts.size(), static_cast<std::size_t>(3 * nodes));
    std::byte* previous = nullptr;
    for (std::byte* start : starts) {
      if (previous != nullptr) {
        EXPECT_GE(start - previous, 16 * bytes);
      }
      previous = start;
    }
  }
}

TEST(KeyValueTree, chunks_are_of_a_size_for_any_model) {
  EXPECT_EQ(tree_of(1, 8).chunk_nodes(), 256);
  EXPECT_EQ(tree_of(6, 768, DType::bf16).chunk_nodes(), 113);
  EXPECT_EQ(tree_of(12, 1024).chunk_nodes(), 32);
}

}  // namespace
}  // namespace lpmc
