#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lpmc {

/// Element types of tensors, in files and in memory.
enum class DType : std::uint8_t { f32, f64, f16, bf16, i8, u8, i16, i32, i64, boolean };

/// Bytes of one element.
std::size_t size_of(DType dtype);

/// The field's names: "float32", "bfloat16", "int8", ...
std::string_view to_string(DType dtype);

/// Storage of half and bfloat16 elements: the bits, without arithmetic.
struct Half {
  std::uint16_t bits;
};
struct BFloat16 {
  std::uint16_t bits;
};

/// Exact: every half is a float.
float to_float(Half value);
/// Exact: a bfloat16 is the upper half of a float.
inline float to_float(BFloat16 value) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(value.bits) << 16);
}
/// Rounds to nearest, ties to even; overflow gives infinity, NaN stays NaN.
Half to_half(float value);
BFloat16 to_bfloat16(float value);

template <class T>
struct DTypeOf;
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::f32;
};
template <>
struct DTypeOf<double> {
  static constexpr DType value = DType::f64;
};
template <>
struct DTypeOf<Half> {
  static constexpr DType value = DType::f16;
};
template <>
struct DTypeOf<BFloat16> {
  static constexpr DType value = DType::bf16;
};
template <>
struct DTypeOf<std::int8_t> {
  static constexpr DType value = DType::i8;
};
template <>
struct DTypeOf<std::uint8_t> {
  static constexpr DType value = DType::u8;
};
template <>
struct DTypeOf<std::int16_t> {
  static constexpr DType value = DType::i16;
};
template <>
struct DTypeOf<std::int32_t> {
  static constexpr DType value = DType::i32;
};
template <>
struct DTypeOf<std::int64_t> {
  static constexpr DType value = DType::i64;
};
template <>
struct DTypeOf<bool> {
  static constexpr DType value = DType::boolean;
};

}  // namespace lpmc
