#include "lpmc/inference/kv_cache.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "lpmc/base/error.h"

namespace lpmc {

namespace {

/// Large chunks make growth rare; memory nobody wrote to yet costs nothing.
constexpr std::int64_t kChunkBytes = std::int64_t{2} << 20;
constexpr std::int64_t kFewestNodes = 32;
constexpr std::int64_t kMostNodes = 256;

std::int64_t node_elements(const CacheSizes& sizes) {
  return sizes.layers * 2 * sizes.d_model;
}

}  // namespace

KeyValueTree::KeyValueTree(const CacheSizes& sizes)
    : sizes_(sizes),
      chunk_nodes_(std::clamp(
          kChunkBytes / (node_elements(sizes) * static_cast<std::int64_t>(size_of(sizes.key_values))),
          kFewestNodes, kMostNodes)) {}

void KeyValueTree::add_chunk() {
  const std::size_t first = nodes_.size();
  const auto count = static_cast<std::size_t>(chunk_nodes_);
  LPMC_REQUIRE(first < static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()) - count,
               invalid_argument, "key and value cache: too many tokens ({})", first);
  chunks_.emplace_back(Shape{sizes_.layers, chunk_nodes_, 2 * sizes_.d_model}, sizes_.key_values);
  nodes_.resize(first + count);
  free_.reserve(nodes_.capacity());  // so that giving back never allocates
  free_.resize(count);
  // Handed out from the back: neighbours in time become neighbours in memory.
  std::iota(free_.rbegin(), free_.rend(), static_cast<std::int32_t>(first));
}

std::int32_t KeyValueTree::append(std::int32_t parent) {
  if (free_.empty()) add_chunk();
  const std::int32_t node = free_.back();
  free_.pop_back();
  Node& entry = nodes_[static_cast<std::size_t>(node)];
  entry = {.parent = parent, .holds = 1, .length = 1};
  if (parent != kNoParent) {
    Node& above = nodes_[static_cast<std::size_t>(parent)];
    ++above.holds;
    entry.length = above.length + 1;
  }
  return node;
}

void KeyValueTree::release(std::int32_t node) {
  while (node != kNoParent) {
    Node& entry = nodes_[static_cast<std::size_t>(node)];
    if (--entry.holds > 0) return;
    free_.push_back(node);
    node = entry.parent;
  }
}

std::byte* KeyValueTree::place(std::int32_t node) {
  Tensor& chunk = chunks_[static_cast<std::size_t>(node / chunk_nodes_)];
  return chunk.mutable_view().mutable_bytes() +
         node % chunk_nodes_ * 2 * sizes_.d_model * static_cast<std::int64_t>(size_of(sizes_.key_values));
}

void KeyValueTree::places(std::int32_t node, std::byte** places) {
  for (std::int32_t i = length(node); i > 0; --i) {
    places[i - 1] = place(node);
    node = nodes_[static_cast<std::size_t>(node)].parent;
  }
}

std::size_t KeyValueTree::size_bytes() const {
  std::size_t bytes = nodes_.capacity() * sizeof(Node) + free_.capacity() * sizeof(std::int32_t);
  for (const Tensor& chunk : chunks_)
    bytes += chunk.view().size_bytes();
  return bytes;
}

std::size_t StepBuffers::size_bytes() const {
  return hidden.size_bytes() + other.size_bytes() + query_key_value.size_bytes() + query.size_bytes() +
         attended.size_bytes() + inner.size_bytes() + logits.size_bytes() +
         cross.capacity() * sizeof(ContiguousKeyValues);
}

TensorView KvCache::Impl::add_segment(std::int64_t positions_of_segment) {
  const Shape shape{sizes.layers, positions_of_segment, 2 * sizes.d_model};
  // A segment that left lends its place, at best together with its memory.
  std::size_t place = segments_.size();
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    if (segments_[i].holds != 0) continue;
    place = i;
    if (segments_[i].cross.shape() == shape) break;
  }
  if (place == segments_.size()) segments_.emplace_back();
  Segment& segment = segments_[place];
  if (segment.cross.view().is_null() || segment.cross.shape() != shape)
    segment.cross = Tensor(shape, sizes.key_values);
  waiting_.push_back(static_cast<std::int32_t>(place));
  segment.holds = 1;
  return segment.cross;
}

void KvCache::Impl::check(std::span<const std::int32_t> parents) const {
  const auto known = static_cast<std::int64_t>(rows.size());
  const auto limit = known + static_cast<std::int64_t>(waiting_.size());
  for (const std::int32_t parent : parents) {
    LPMC_REQUIRE(parent >= 0 && parent < limit, invalid_argument,
                 "decoder step: parent: expected 0 to {} ({} rows and {} new segments), found {}", limit - 1,
                 known, waiting_.size(), parent);
    const std::int32_t length = parent < known ? tree.length(rows[static_cast<std::size_t>(parent)].node) : 0;
    LPMC_REQUIRE(length < sizes.max_positions, invalid_argument,
                 "decoder step: expected at most {} tokens in a row, found {}", sizes.max_positions,
                 length + 1);
  }
}

void KvCache::Impl::advance(std::span<const std::int32_t> parents) {
  next_rows_.clear();
  for (const std::int32_t parent : parents) {
    const auto index = static_cast<std::size_t>(parent);
    Row row;
    if (index < rows.size()) {
      row = {.node = tree.append(rows[index].node), .segment = rows[index].segment};
    } else {
      row = {.node = tree.append(KeyValueTree::kNoParent), .segment = waiting_[index - rows.size()]};
    }
    ++segments_[static_cast<std::size_t>(row.segment)].holds;
    next_rows_.push_back(row);
  }
  // The new rows hold what they need; what only the old ones held goes.
  for (const Row& row : rows) {
    tree.release(row.node);
    release_segment(row.segment);
  }
  for (const std::int32_t segment : waiting_)
    release_segment(segment);
  waiting_.clear();
  rows.swap(next_rows_);
  list_places();
}

void KvCache::Impl::release_segment(std::int32_t segment) {
  --segments_[static_cast<std::size_t>(segment)].holds;
}

void KvCache::Impl::list_places() {
  positions.resize(rows.size());
  past.resize(rows.size());
  std::size_t total = 0;
  for (const Row& row : rows)
    total += static_cast<std::size_t>(tree.length(row.node));
  places_.resize(total);
  std::byte** next = places_.data();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::int32_t length = tree.length(rows[i].node);
    tree.places(rows[i].node, next);
    positions[i] = length - 1 + ModelConfig::kPositionOffset;
    past[i] = {.places = next, .count = length};
    next += length;
  }
}

std::span<const ContiguousKeyValues> KvCache::Impl::cross_key_values(std::int64_t layer) {
  const auto value = sizes.d_model * static_cast<std::int64_t>(size_of(sizes.key_values));
  buffers.cross.resize(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const ConstTensorView memory = segments_[static_cast<std::size_t>(rows[i].segment)].cross.view()[layer];
    const std::byte* first = memory.bytes();
    buffers.cross[i] = {
        .keys = first, .values = first + value, .count = memory.size(0), .stride = 2 * sizes.d_model};
  }
  return buffers.cross;
}

std::size_t KvCache::Impl::size_bytes() const {
  std::size_t bytes = tree.size_bytes() + buffers.size_bytes() + places_.capacity() * sizeof(std::byte*);
  for (const Segment& segment : segments_)
    bytes += segment.cross.view().size_bytes();
  return bytes;
}

KvCache::KvCache() = default;
KvCache::~KvCache() = default;
KvCache::KvCache(KvCache&&) noexcept = default;
KvCache& KvCache::operator=(KvCache&&) noexcept = default;

std::int64_t KvCache::rows() const {
  return impl_ ? static_cast<std::int64_t>(impl_->rows.size()) : 0;
}

std::size_t KvCache::size_bytes() const {
  return impl_ ? impl_->size_bytes() : 0;
}

}  // namespace lpmc
