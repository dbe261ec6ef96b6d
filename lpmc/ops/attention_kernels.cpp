// Compiled once for each instruction set; LPMC_KERNELS_VARIANT names it. See kernels.h for why there
// are no further includes.

#include "lpmc/ops/attention_kernels.h"

#include "lpmc/ops/kernel_math.h"

/// Into one function for each kind of head, so that a known size reaches every loop.
#define LPMC_INLINE __attribute__((always_inline)) inline

namespace lpmc::kernels::LPMC_KERNELS_VARIANT {
namespace {

/// Lanes 0, 2, 4, ... of a and b, one after the other.
template <int... p>
inline Vector even_lanes(Vector a, Vector b, Lanes<p...>) {
  return __builtin_shufflevector(a, b, 2 * p...);
}
template <int... p>
inline Vector odd_lanes(Vector a, Vector b, Lanes<p...>) {
  return __builtin_shufflevector(a, b, 2 * p + 1 ...);
}
/// a[0] b[0] a[1] b[1] ..., the first half and the second.
template <int... p>
inline Vector interleave_low(Vector a, Vector b, Lanes<p...>) {
  return __builtin_shufflevector(a, b, (p / 2 + p % 2 * kLanes)...);
}
template <int... p>
inline Vector interleave_high(Vector a, Vector b, Lanes<p...>) {
  return __builtin_shufflevector(a, b, (kLanes / 2 + p / 2 + p % 2 * kLanes)...);
}

/// Within every block of kBlock lanes: a's two halves added, then b's.
template <int kBlock, int... p>
inline Vector add_halves(Vector a, Vector b, Lanes<p...>) {
  constexpr int kHalf = kBlock / 2;
  return __builtin_shufflevector(a, b, (p % kBlock < kHalf ? p : kLanes + p - kHalf)...) +
         __builtin_shufflevector(a, b, (p % kBlock < kHalf ? p + kHalf : kLanes + p)...);
}

/// Lane i becomes the sum of v[i]'s lanes. Destroys v.
template <int kBlock = kLanes>
inline Vector sums_of_lanes(Vector* v) {
  for (int i = 0; i < kBlock / 2; ++i)
    v[i] = add_halves<kBlock>(v[i], v[i + kBlock / 2], EveryLane());
  if constexpr (kBlock > 2) {
    return sums_of_lanes<kBlock / 2>(v);
  } else {
    return v[0];
  }
}

// Elements come in blocks: kVectors vectors of float32 that cover kChannels neighbours. `arrange` puts a
// query into the order in which `read` gives keys, `restore` puts it back.

struct Float32 {
  static constexpr int kVectors = 1;
  static constexpr int kChannels = kLanes;

  static void read(const std::byte* block, Vector (&v)[kVectors]) {
    __builtin_memcpy(&v[0], block, sizeof v[0]);
  }
  static float read_one(const std::byte* element) {
    float value;
    __builtin_memcpy(&value, element, sizeof value);
    return value;
  }
  static void arrange(const float* in, float* out) { store(out, load(in)); }
  static void restore(const Vector (&v)[kVectors], float* out) { store(out, v[0]); }
  static constexpr std::int64_t kBytes = 4;
};

/// Pairs of bfloat16 become two float32 by a shift and a mask: even channels and odd ones.
struct BFloat16 {
  static constexpr int kVectors = 2;
  static constexpr int kChannels = 2 * kLanes;
  static constexpr std::int64_t kBytes = 2;

  static void read(const std::byte* block, Vector (&v)[kVectors]) {
    UnsignedVector pairs;
    __builtin_memcpy(&pairs, block, sizeof pairs);
    v[0] = __builtin_bit_cast(Vector, pairs << 16);
    v[1] = __builtin_bit_cast(Vector, pairs & 0xFFFF0000U);
  }
  static float read_one(const std::byte* element) {
    unsigned short bits;
    __builtin_memcpy(&bits, element, sizeof bits);
    return __builtin_bit_cast(float, static_cast<unsigned>(bits) << 16);
  }
  static void arrange(const float* in, float* out) {
    const Vector a = load(in);
    const Vector b = load(in + kLanes);
    store(out, even_lanes(a, b, EveryLane()));
    store(out + kLanes, odd_lanes(a, b, EveryLane()));
  }
  static void restore(const Vector (&v)[kVectors], float* out) {
    store(out, interleave_low(v[0], v[1], EveryLane()));
    store(out + kLanes, interleave_high(v[0], v[1], EveryLane()));
  }
};

struct Contiguous {
  const ContiguousKeys& at;
  std::int64_t count(int /*query*/) const { return at.count; }
  std::int64_t shared() const { return at.count; }
  const std::byte* key(int /*query*/, std::int64_t j) const { return at.keys + j * at.stride; }
  const std::byte* value(int /*query*/, std::int64_t j) const { return at.values + j * at.stride; }
};

struct Gathered {
  const GatheredKeys& at;
  std::int64_t count(int query) const { return at.counts[query]; }
  std::int64_t shared() const { return at.shared; }
  const std::byte* key(int query, std::int64_t j) const { return at.places[query][j] + at.key_offset; }
  const std::byte* value(int query, std::int64_t j) const { return at.places[query][j] + at.value_offset; }
};

/// May pass over a NaN; the exponentials then show it.
template <int kHalf = kLanes / 2>
inline float highest_of_lanes(Vector v) {
  const Vector other = rotated<kHalf>(v, EveryLane());
  v = v > other ? v : other;
  if constexpr (kHalf > 1) return highest_of_lanes<kHalf / 2>(v);
  return v[0];
}

/// Asks for what the next head will read of a key or a value. Rows of d channels, a few lines of each,
/// are nothing the processor would foresee: a third of the time of a large batch was waiting.
LPMC_INLINE void prefetch(const std::byte* memory, std::int64_t bytes) {
  constexpr std::int64_t kLine = 64;
  for (std::int64_t i = 0; i < bytes; i += kLine)
    __builtin_prefetch(memory + i);
}

/// Where the queries' rearranged copies and scores lie in the scratch.
struct Scratch {
  float* arranged;
  float* scores;
  std::int64_t size;
  std::int64_t most_keys;

  float* query(int q) const { return arranged + q * size; }
  float* scores_of(int q) const { return scores + q * (most_keys + kLanes); }
};

/// sums[q][lane] = query q's products with one key, lane by lane over whole blocks of channels.
template <class Element, int kQueries>
LPMC_INLINE void multiply(const Scratch& scratch, int first, const std::byte* key, Vector (*sums)[kLanes],
                          std::int64_t lane) {
  Vector sum[kQueries] = {};
  for (std::int64_t c = 0; c + Element::kChannels <= scratch.size; c += Element::kChannels) {
    Vector v[Element::kVectors];
    Element::read(key + c * Element::kBytes, v);
    for (int q = 0; q < kQueries; ++q) {
      for (int i = 0; i < Element::kVectors; ++i)
        sum[q] = multiply_add(load(scratch.query(first + q) + c + i * kLanes), v[i], sum[q]);
    }
  }
  for (int q = 0; q < kQueries; ++q)
    sums[q][lane] = sum[q];
  prefetch(key + scratch.size * Element::kBytes, scratch.size * Element::kBytes);
}

/// What `multiply` leaves out: channels behind the last whole block.
template <class Element, class Keys>
LPMC_INLINE void add_tail(const Head& head, const Keys& keys, int q, std::int64_t begin, Vector& sums) {
  const float* query = head.query + q * head.query_stride;
  const std::int64_t end = begin + kLanes < keys.count(q) ? begin + kLanes : keys.count(q);
  for (std::int64_t c = head.size / Element::kChannels * Element::kChannels; c < head.size; ++c) {
    for (std::int64_t j = begin; j < end; ++j)
      sums[j - begin] =
          multiply_add(query[c], Element::read_one(keys.key(q, j) + c * Element::kBytes), sums[j - begin]);
  }
}

/// scores[j] = scale * query key_j, for the queries [first, first + kQueries). As many lanes more as fill
/// a vector are written.
template <class Element, int kQueries, class Keys>
LPMC_INLINE void score(const Head& head, const Keys& keys, const Scratch& scratch, int first) {
  const std::int64_t shared = kQueries > 1 ? keys.shared() : 0;
  for (std::int64_t begin = 0; begin < scratch.most_keys; begin += kLanes) {
    Vector sums[kQueries][kLanes];
    const std::int64_t together = shared < begin ? begin : shared;
    for (std::int64_t j = begin; j < begin + kLanes && j < together; ++j)
      multiply<Element, kQueries>(scratch, first, keys.key(first, j), sums, j - begin);
    for (int q = 0; q < kQueries; ++q) {
      for (std::int64_t j = together; j < begin + kLanes; ++j) {
        if (j < keys.count(first + q)) {
          multiply<Element, 1>(scratch, first + q, keys.key(first + q, j), sums + q, j - begin);
        } else {
          sums[q][j - begin] = Vector{};
        }
      }
      if (begin >= keys.count(first + q)) continue;
      Vector result = sums_of_lanes(sums[q]);
      add_tail<Element>(head, keys, first + q, begin, result);
      store(scratch.scores_of(first + q) + begin, result * head.scale);
    }
  }
}

/// scores = exp(scores - the highest), 0 behind the last. @return their sum
LPMC_INLINE float exponentials(float* scores, std::int64_t keys) {
  store(scores + keys, Vector{} - __builtin_inff());
  Vector most = load(scores);
  for (std::int64_t j = kLanes; j < keys; j += kLanes) {
    const Vector next = load(scores + j);
    most = next > most ? next : most;
  }
  const float highest = highest_of_lanes(most);
  Vector sum{};
  for (std::int64_t j = 0; j < keys; j += kLanes) {
    const Vector weights = exp_of<Vector, UnsignedVector>(load(scores + j) - highest);
    store(scores + j, weights);
    sum += weights;
  }
  return sum_of_lanes(sum);
}

/// sums[q] += weights[j] * value_j for the keys [begin, end) of the queries [first, first + kQueries),
/// which share them, in kBlocks blocks of channels from `channel` on.
template <class Element, int kQueries, int kBlocks, class Keys>
LPMC_INLINE void weigh(const Keys& keys, const Scratch& scratch, int first, std::int64_t begin,
                       std::int64_t end, std::int64_t channel, Vector (*sums)[kBlocks][Element::kVectors]) {
  Vector local[kQueries][kBlocks][Element::kVectors];
  __builtin_memcpy(&local, sums, sizeof local);
  for (std::int64_t j = begin; j < end; ++j) {
    const std::byte* value = keys.value(first, j) + channel * Element::kBytes;
    prefetch(value + scratch.size * Element::kBytes, kBlocks * Element::kChannels * Element::kBytes);
    for (int block = 0; block < kBlocks; ++block) {
      Vector v[Element::kVectors];
      Element::read(value + block * Element::kChannels * Element::kBytes, v);
      for (int q = 0; q < kQueries; ++q) {
        for (int i = 0; i < Element::kVectors; ++i)
          local[q][block][i] =
              multiply_add(Vector{} + scratch.scores_of(first + q)[j], v[i], local[q][block][i]);
      }
    }
  }
  __builtin_memcpy(sums, &local, sizeof local);
}

/// kBlocks blocks of channels of the outputs: the shared values for all queries at once, then each
/// query's own; value after value in the order of the keys, whoever shares them.
template <class Element, int kQueries, int kBlocks, class Keys>
LPMC_INLINE void weigh_all(const Head& head, const Keys& keys, const Scratch& scratch, const float* scales,
                           int first, std::int64_t channel) {
  Vector sums[kQueries][kBlocks][Element::kVectors] = {};
  const std::int64_t shared = kQueries > 1 ? keys.shared() : 0;
  if constexpr (kQueries > 1) {
    weigh<Element, kQueries, kBlocks>(keys, scratch, first, 0, shared, channel, sums);
  }
  for (int q = 0; q < kQueries; ++q) {
    weigh<Element, 1, kBlocks>(keys, scratch, first + q, shared, keys.count(first + q), channel, sums + q);
    float* out = head.out + (first + q) * head.out_stride + channel;
    for (int block = 0; block < kBlocks; ++block) {
      for (Vector& v : sums[q][block])
        v *= scales[q];
      Element::restore(sums[q][block], out + block * Element::kChannels);
    }
  }
}

/// The head size that most models have.
constexpr std::int64_t kUsualSize = 64;

/// Sums that stay in registers beside what they are made of.
#if defined(__AVX512F__)
constexpr int kSums = 20;
#else
constexpr int kSums = 10;
#endif

/// Blocks of channels at once: as many as there are registers for, at most the usual head.
template <class Element, int kQueries>
constexpr int blocks_at_once() {
  const int room = kSums / (kQueries * Element::kVectors);
  const int usual = static_cast<int>(kUsualSize) / Element::kChannels;
  int blocks = 1;
  while (2 * blocks <= room && 2 * blocks <= usual)
    blocks *= 2;
  return blocks;
}

/// Queries [first, first + kQueries).
template <class Element, int kQueries, class Keys>
LPMC_INLINE void attend_queries(const Head& head, const Keys& keys, const Scratch& scratch, int first) {
  float scales[kQueries];
  for (int q = 0; q < kQueries; ++q) {
    const float* query = head.query + (first + q) * head.query_stride;
    for (std::int64_t c = 0; c + Element::kChannels <= head.size; c += Element::kChannels)
      Element::arrange(query + c, scratch.query(first + q) + c);
  }
  score<Element, kQueries>(head, keys, scratch, first);
  for (int q = 0; q < kQueries; ++q)
    scales[q] = 1.0F / exponentials(scratch.scores_of(first + q), keys.count(first + q));
  constexpr int kBlocks = blocks_at_once<Element, kQueries>();
  std::int64_t c = 0;
  for (; c + kBlocks * Element::kChannels <= head.size; c += kBlocks * Element::kChannels)
    weigh_all<Element, kQueries, kBlocks>(head, keys, scratch, scales, first, c);
  for (; c + Element::kChannels <= head.size; c += Element::kChannels)
    weigh_all<Element, kQueries, 1>(head, keys, scratch, scales, first, c);
  if (head.size % Element::kChannels == 0) return;
  for (int q = first; q < first + kQueries; ++q) {
    for (std::int64_t tail = c; tail < head.size; ++tail) {
      float sum = 0.0F;
      for (std::int64_t j = 0; j < keys.count(q); ++j)
        sum = multiply_add(scratch.scores_of(q)[j],
                           Element::read_one(keys.value(q, j) + tail * Element::kBytes), sum);
      head.out[q * head.out_stride + tail] = sum * scales[q - first];
    }
  }
}

template <class Element, class Keys>
void attend(Head head, const Keys& keys) {
  std::int64_t most = 0;
  for (int q = 0; q < head.queries; ++q)
    most = keys.count(q) > most ? keys.count(q) : most;
  Scratch scratch{head.scratch, head.scratch + head.queries * head.size, head.size, most};
  int q = 0;
  if (head.size == kUsualSize) {
    head.size = kUsualSize;  // now the compiler knows it, and unrolls
    scratch.size = kUsualSize;
    for (; q + kMostQueries <= head.queries; q += kMostQueries)
      attend_queries<Element, kMostQueries>(head, keys, scratch, q);
    for (; q + 2 <= head.queries; q += 2)
      attend_queries<Element, 2>(head, keys, scratch, q);
    for (; q < head.queries; ++q)
      attend_queries<Element, 1>(head, keys, scratch, q);
    return;
  }
  for (; q < head.queries; ++q)
    attend_queries<Element, 1>(head, keys, scratch, q);
}

template <class Element>
void attend_contiguous(const Head& head, const ContiguousKeys& keys) {
  attend<Element>(head, Contiguous{keys});
}
template <class Element>
void attend_gathered(const Head& head, const GatheredKeys& keys) {
  attend<Element>(head, Gathered{keys});
}

void write_f32(const float* from, std::byte* to, std::int64_t size) {
  __builtin_memcpy(to, from, static_cast<std::size_t>(size) * sizeof(float));
}

void write_bf16(const float* from, std::byte* to, std::int64_t size) {
  for (std::int64_t i = 0; i < size; ++i) {
    const unsigned bits = __builtin_bit_cast(unsigned, from[i]);
    const unsigned rounded = (bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16;
    const unsigned quiet = (bits >> 16) | 0x40U;
    const bool is_nan = (bits & 0x7FFFFFFFU) > 0x7F800000U;
    const auto result = static_cast<unsigned short>(is_nan ? quiet : rounded);
    __builtin_memcpy(to + i * BFloat16::kBytes, &result, sizeof result);
  }
}

template <class Element>
constexpr AttentionKernels kernels_of(void (*write)(const float*, std::byte*, std::int64_t)) {
  return {attend_contiguous<Element>, attend_gathered<Element>, write};
}

#define LPMC_STRING_OF(x) #x
#define LPMC_STRING(x) LPMC_STRING_OF(x)

}  // namespace

extern const AttentionTable attention_table;
const AttentionTable attention_table = {LPMC_STRING(LPMC_KERNELS_VARIANT), kernels_of<Float32>(write_f32),
                                        kernels_of<BFloat16>(write_bf16)};

}  // namespace lpmc::kernels::LPMC_KERNELS_VARIANT
