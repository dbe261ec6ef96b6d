#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace lpmc {

/// Finds equal and nearly equal captions over millions: MinHash with bands, some 50 bytes a caption.
/// Equal: the same words in the same order, whatever case and punctuation. Near: similarity of the sets of
/// word 3-grams (Jaccard), estimated from 48 minima of 4 bits each (standard error 0.045 at 0.9); about one
/// pair in twenty of similarity 0.9 is never compared, fewer above.
class DuplicateIndex {
 public:
  enum class Match { none, near, equal };
  /// Adds the caption and says whether one like it was there.
  Match add(std::string_view caption, double near_duplicate);

  std::size_t bytes() const;  ///< memory held

 private:
  static constexpr std::size_t kMinima = 48, kBands = 4, kRows = 6;
  using Minima = std::array<std::uint32_t, kMinima>;
  using Signature = std::array<std::uint8_t, kMinima / 2>;  // two minima a byte

  struct HashSet {
    std::vector<std::uint64_t> slots;  // 0 = empty
    std::size_t used = 0;
    bool insert(std::uint64_t hash);
  };
  /// Numbers of captions by the hash of a band; what hash a number has is read from its signature.
  struct BandTable {
    std::vector<std::uint32_t> slots;  // number + 1; 0 = empty
    std::size_t used = 0;
  };

  static Minima minima_of(std::span<const std::uint64_t> shingles);
  static std::uint64_t band_hash(const Signature& signature, std::size_t band);
  const Signature& signature(std::size_t number) const;
  bool is_near(const Signature& a, const Signature& b, double least) const;
  bool find_near(const Signature& signature, double least) const;
  void insert(const Signature& signature);
  void grow(std::size_t band);

  HashSet texts_;
  std::vector<std::unique_ptr<Signature[]>> blocks_;  // grows without copying
  std::size_t count_ = 0;                             // signatures
  std::array<BandTable, kBands> bands_;
};

}  // namespace lpmc
