#include "lpmc/tag_to_caption/baselines.h"

#include <utility>
#include <vector>

namespace lpmc {
namespace {

/// SplitMix64 (Steele, Lea and Flood 2014): one step. std::shuffle and the std distributions differ between
/// libraries; a seed must mean the same everywhere.
std::uint64_t next_random(std::uint64_t& state) {
  state += 0x9E3779B97F4A7C15U;
  std::uint64_t z = state;
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31U);
}

/// FNV-1a over the text and a separator.
std::uint64_t mix(std::uint64_t hash, std::string_view text) {
  for (const char c : text)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  return (hash ^ 0xFFU) * 0x100000001B3U;
}

}  // namespace

std::string tag_concat_caption(std::span<const std::string> tags, std::uint64_t seed) {
  std::vector<std::string_view> order(tags.begin(), tags.end());
  std::uint64_t state = seed;
  for (std::size_t i = order.size(); i > 1; --i)
    std::swap(order[i - 1], order[next_random(state) % i]);
  std::string caption;
  for (const std::string_view tag : order) {
    if (!caption.empty()) caption += ", ";
    caption += tag;
  }
  return caption;
}

std::string template_caption(std::span<const std::string> tags, std::uint64_t seed) {
  return "the music is characterized by " + tag_concat_caption(tags, seed);
}

std::uint64_t question_seed(std::int64_t run_seed, std::string_view record_id, std::string_view prompt_id,
                            int ask) {
  std::uint64_t state = mix(mix(0xCBF29CE484222325U, record_id), prompt_id);
  state ^= static_cast<std::uint64_t>(run_seed) * 0x9E3779B97F4A7C15U;
  state += static_cast<std::uint64_t>(ask);
  return next_random(state) >> 33U;
}

}  // namespace lpmc
