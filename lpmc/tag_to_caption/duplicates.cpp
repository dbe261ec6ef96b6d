#include "lpmc/tag_to_caption/duplicates.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace lpmc {
namespace {

constexpr std::size_t kBlock = 16384;  // signatures allocated at a time
constexpr std::size_t kFirstSlots = 1024;
constexpr double kFullest = 0.75;  // share of a table's slots in use before it grows
constexpr double kGrowth = 1.25;
constexpr std::size_t kLongestProbe = 64;  // entries of a band looked at: one band may be everybody's

std::uint64_t mix(std::uint64_t x) {
  x ^= x >> 32;
  x *= 0xE9846AF9B1A615DULL;
  x ^= x >> 32;
  x *= 0xE9846AF9B1A615DULL;
  return x ^ (x >> 28);
}

/// A place in a table of `slots` for a hash: its upper bits, so that growing keeps the order.
std::size_t place(std::uint64_t hash, std::size_t slots) {
  return static_cast<std::size_t>(((hash >> 32) * slots) >> 32);
}

bool is_word_byte(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80;
}

/// Hashes of the words, case folded.
std::vector<std::uint64_t> word_hashes(std::string_view text) {
  constexpr std::uint64_t kStart = 0xCBF29CE484222325ULL, kPrime = 0x100000001B3ULL;  // FNV-1a
  std::vector<std::uint64_t> hashes;
  hashes.reserve(text.size() / 5);
  std::uint64_t hash = kStart;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_word_byte(byte)) {
      hash = (hash ^ (byte >= 'A' && byte <= 'Z' ? byte + 32U : byte)) * kPrime;
    } else if (hash != kStart) {
      hashes.push_back(mix(hash));
      hash = kStart;
    }
  }
  if (hash != kStart) hashes.push_back(mix(hash));
  return hashes;
}

std::uint64_t combine(std::span<const std::uint64_t> hashes) {
  std::uint64_t all = hashes.size();
  for (const std::uint64_t hash : hashes)
    all = mix(all * 0x9E3779B97F4A7C15ULL + hash);
  return all;
}

}  // namespace

bool DuplicateIndex::HashSet::insert(std::uint64_t hash) {
  if (hash == 0) hash = 1;
  if (static_cast<double>(used + 1) > kFullest * static_cast<double>(slots.size())) {
    const auto larger = static_cast<std::size_t>(static_cast<double>(slots.size()) * kGrowth);
    std::vector<std::uint64_t> old(std::max(larger, kFirstSlots));
    old.swap(slots);
    used = 0;
    for (const std::uint64_t entry : old) {
      if (entry != 0) insert(entry);
    }
  }
  std::size_t slot = place(hash, slots.size());
  for (; slots[slot] != 0; slot = slot + 1 == slots.size() ? 0 : slot + 1) {
    if (slots[slot] == hash) return false;
  }
  slots[slot] = hash;
  ++used;
  return true;
}

DuplicateIndex::Minima DuplicateIndex::minima_of(std::span<const std::uint64_t> shingles) {
  // Multiply-shift hashes with fixed odd factors: the index is the same on every machine.
  static const auto factors = [] {
    std::array<std::uint32_t, kMinima> values{};
    for (std::size_t i = 0; i < kMinima; ++i)
      values[i] = static_cast<std::uint32_t>(mix(i + 1)) | 1U;
    return values;
  }();
  Minima minima;
  minima.fill(std::numeric_limits<std::uint32_t>::max());
  for (const std::uint64_t shingle : shingles) {
    const auto low = static_cast<std::uint32_t>(shingle), high = static_cast<std::uint32_t>(shingle >> 32);
    for (std::size_t i = 0; i < kMinima; ++i) {
      std::uint32_t hash = (low ^ (high >> (i % 16))) * factors[i];
      hash = (hash ^ (hash >> 15)) * 0x2C1B3C6DU;
      minima[i] = std::min(minima[i], hash ^ (hash >> 16));
    }
  }
  return minima;
}

std::uint64_t DuplicateIndex::band_hash(const Signature& signature, std::size_t band) {
  constexpr std::size_t kBytes = kRows / 2;
  std::uint64_t bits = band + 1;
  for (std::size_t i = 0; i < kBytes; ++i)
    bits = bits << 8 | signature[band * kBytes + i];
  return mix(bits * 0x9E3779B97F4A7C15ULL);
}

const DuplicateIndex::Signature& DuplicateIndex::signature(std::size_t number) const {
  return blocks_[number / kBlock][number % kBlock];
}

bool DuplicateIndex::is_near(const Signature& a, const Signature& b, double least) const {
  std::size_t equal = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const unsigned differ = a[i] ^ b[i];
    equal += ((differ & 0x0F) == 0 ? 1U : 0U) + ((differ & 0xF0) == 0 ? 1U : 0U);
  }
  constexpr double kByChance = 1.0 / 16;
  const double share = static_cast<double>(equal) / kMinima;
  return (share - kByChance) / (1 - kByChance) >= least;
}

bool DuplicateIndex::find_near(const Signature& wanted, double least) const {
  for (std::size_t band = 0; band < kBands; ++band) {
    const auto& slots = bands_[band].slots;
    if (slots.empty()) continue;
    std::size_t slot = place(band_hash(wanted, band), slots.size());
    for (std::size_t probes = 0; slots[slot] != 0 && probes < kLongestProbe; ++probes) {
      if (is_near(wanted, signature(slots[slot] - 1), least)) return true;
      slot = slot + 1 == slots.size() ? 0 : slot + 1;
    }
  }
  return false;
}

void DuplicateIndex::grow(std::size_t band) {
  BandTable& table = bands_[band];
  const auto larger = static_cast<std::size_t>(static_cast<double>(table.slots.size()) * kGrowth);
  std::vector<std::uint32_t> old(std::max(larger, kFirstSlots));
  old.swap(table.slots);
  for (const std::uint32_t entry : old) {
    if (entry == 0) continue;
    std::size_t slot = place(band_hash(signature(entry - 1), band), table.slots.size());
    while (table.slots[slot] != 0)
      slot = slot + 1 == table.slots.size() ? 0 : slot + 1;
    table.slots[slot] = entry;
  }
}

void DuplicateIndex::insert(const Signature& added) {
  if (count_ == std::numeric_limits<std::uint32_t>::max() - 1) return;  // four thousand million captions
  if (count_ % kBlock == 0) blocks_.push_back(std::make_unique<Signature[]>(kBlock));
  blocks_[count_ / kBlock][count_ % kBlock] = added;
  ++count_;
  for (std::size_t band = 0; band < kBands; ++band) {
    BandTable& table = bands_[band];
    if (static_cast<double>(table.used + 1) > kFullest * static_cast<double>(table.slots.size())) grow(band);
    std::size_t slot = place(band_hash(added, band), table.slots.size());
    std::size_t probes = 0;
    while (table.slots[slot] != 0 && ++probes < kLongestProbe)
      slot = slot + 1 == table.slots.size() ? 0 : slot + 1;
    if (table.slots[slot] != 0) continue;  // a band that very many captions share tells them apart no more
    table.slots[slot] = static_cast<std::uint32_t>(count_);
    ++table.used;
  }
}

DuplicateIndex::Match DuplicateIndex::add(std::string_view caption, double near_duplicate) {
  const std::vector<std::uint64_t> words = word_hashes(caption);
  if (!texts_.insert(combine(words))) return Match::equal;
  const std::span<const std::uint64_t> all(words);
  std::vector<std::uint64_t> shingles;
  const std::size_t length = std::clamp<std::size_t>(words.size(), 1, 3);
  for (std::size_t i = 0; i + length <= words.size(); ++i)
    shingles.push_back(combine(all.subspan(i, length)));
  const Minima minima = minima_of(shingles);
  Signature signature{};
  for (std::size_t i = 0; i < kMinima; ++i)
    signature[i / 2] |= static_cast<std::uint8_t>((minima[i] & 0xFU) << (i % 2 * 4));
  // One of a family of near duplicates stands for all of them.
  if (find_near(signature, near_duplicate)) return Match::near;
  insert(signature);
  return Match::none;
}

std::size_t DuplicateIndex::bytes() const {
  std::size_t bytes =
      texts_.slots.capacity() * sizeof(std::uint64_t) + blocks_.size() * kBlock * sizeof(Signature);
  for (const BandTable& table : bands_)
    bytes += table.slots.capacity() * sizeof(std::uint32_t);
  return bytes;
}

}  // namespace lpmc
