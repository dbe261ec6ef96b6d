#include "lpmc/inference/kv_cache.h"

#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace lpmc {
namespace {

constexpr std::int32_t kRoot = KeyValueTree::kNoParent;

std::vector<const float*> places(const KeyValueTree& tree, std::int32_t node) {
  std::vector<const float*> found(static_cast<std::size_t>(tree.length(node)));
  tree.places(node, found.data());
  return found;
}

TEST(KeyValueTree, hypotheses_share_their_beginning) {
  KeyValueTree tree(2, 4);
  const std::int32_t a = tree.append(kRoot);
  const std::int32_t b = tree.append(a);
  const std::int32_t c = tree.append(a);
  EXPECT_EQ(tree.length(b), 2);
  EXPECT_EQ(places(tree, b), (std::vector<const float*>{tree.place(a), tree.place(b)}));
  EXPECT_EQ(places(tree, c), (std::vector<const float*>{tree.place(a), tree.place(c)}));
}

TEST(KeyValueTree, a_dead_branch_is_used_again_and_a_living_one_is_not) {
  KeyValueTree tree(1, 4);
  const std::int32_t a = tree.append(kRoot);
  const std::int32_t b = tree.append(a);
  const std::int32_t c = tree.append(b);
  const std::int32_t d = tree.append(a);
  tree.release(a);  // the rows moved on to their children
  tree.release(b);
  tree.release(c);  // nobody continues c: b goes with it, a stays for d
  const std::set<std::int32_t> again = {tree.append(kRoot), tree.append(kRoot)};
  EXPECT_EQ(again, (std::set<std::int32_t>{b, c}));
  EXPECT_EQ(places(tree, d), (std::vector<const float*>{tree.place(a), tree.place(d)}));
}

TEST(KeyValueTree, memory_follows_the_living) {
  KeyValueTree tree(3, 8);
  std::int32_t last = tree.append(kRoot);
  const std::size_t one_chunk = tree.size_bytes();
  // A hypothesis and a sibling that is given up at once, for 30 tokens: never more than 32 nodes.
  for (int i = 0; i < 29; ++i) {
    const std::int32_t next = tree.append(last);
    tree.release(tree.append(last));
    tree.release(last);
    last = next;
  }
  EXPECT_EQ(tree.length(last), 30);
  EXPECT_EQ(tree.size_bytes(), one_chunk);
  const std::vector<const float*> path = places(tree, last);
  EXPECT_EQ(std::set<const float*>(path.begin(), path.end()).size(), 30U);
  tree.release(last);
  for (int i = 0; i < 32; ++i)
    tree.append(kRoot);
  EXPECT_EQ(tree.size_bytes(), one_chunk);
  tree.append(kRoot);
  EXPECT_GT(tree.size_bytes(), one_chunk);
}

TEST(KeyValueTree, layers_do_not_overlap) {
  KeyValueTree tree(3, 8);
  std::set<float*> starts;
  for (int i = 0; i < 70; ++i) {
    float* place = tree.place(tree.append(kRoot));
    for (std::int64_t layer = 0; layer < 3; ++layer)
      starts.insert(place + layer * tree.layer_stride());
  }
  ASSERT_EQ(starts.size(), 210U);
  float* previous = nullptr;
  for (float* start : starts) {
    if (previous != nullptr) {
      EXPECT_GE(start - previous, 16);
    }
    previous = start;
  }
}

}  // namespace
}  // namespace lpmc
