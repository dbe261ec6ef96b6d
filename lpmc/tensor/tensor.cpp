#include "lpmc/tensor/tensor.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

#include <sys/mman.h>

#include "lpmc/base/error.h"
#include "lpmc/base/threads.h"

namespace lpmc {
namespace {

Shape without_first(const Shape& shape) {
  return Shape(shape.sizes().subspan(1));
}

std::size_t offset_of(const Shape& inner, std::int64_t index, DType dtype) {
  return static_cast<std::size_t>(index * inner.elements()) * size_of(dtype);
}

/// Elements converted by one index of a parallel loop: large enough to hide the hand-out.
constexpr std::int64_t kConvertBlock = 1 << 16;

/// Large tensors come straight from the system and go back to it: one thread makes log-mels, another
/// lets them go, hour after hour, and the heap would be left full of holes (measured: 570 MB instead of
/// 130 MB after ten hours of music).
constexpr std::size_t kMappedBytes = 256 << 10;

template <class Convert>
void for_blocks(std::int64_t elements, Convert&& convert) {
  parallel_for((elements + kConvertBlock - 1) / kConvertBlock, [&](std::int64_t block) {
    const std::int64_t begin = block * kConvertBlock;
    convert(begin, std::min(elements, begin + kConvertBlock));
  });
}

template <class From>
float element_to_float(From value) {
  if constexpr (std::is_arithmetic_v<From>) {
    return static_cast<float>(value);
  } else {
    return to_float(value);
  }
}

template <class From>
void convert_elements(ConstTensorView in, TensorView out) {
  const From* source = in.data<From>();
  float* target = out.mutable_data<float>();
  for_blocks(in.elements(), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      target[i] = element_to_float(source[i]);
  });
}

}  // namespace

namespace detail {
void fail_dtype(DType expected, DType found) {
  fail(ErrorKind::invalid_argument, "tensor: expected {} elements, found {}", to_string(expected),
       to_string(found));
}
}  // namespace detail

ConstTensorView ConstTensorView::operator[](std::int64_t index) const {
  const Shape inner = without_first(shape_);
  return {data_ + offset_of(inner, index, dtype_), dtype_, inner};
}

TensorView TensorView::operator[](std::int64_t index) const {
  const Shape inner = without_first(shape_);
  return {mutable_bytes() + offset_of(inner, index, dtype_), dtype_, inner};
}

void Tensor::Free::operator()(std::byte* pointer) const noexcept {
  if (mapped_bytes == 0) {
    std::free(pointer);
  } else {
    ::munmap(pointer, mapped_bytes);
  }
}

Tensor::Tensor(const Shape& shape, DType dtype) : dtype_(dtype), shape_(shape) {
  const auto elements = static_cast<std::size_t>(shape.elements());
  std::size_t bytes = 0;
  LPMC_REQUIRE(!__builtin_mul_overflow(elements, size_of(dtype), &bytes) && bytes <= SIZE_MAX - kAlignment,
               invalid_argument, "tensor: shape {} is too large", to_string(shape));
  bytes = std::max((bytes + kAlignment - 1) / kAlignment * kAlignment, kAlignment);
  if (bytes >= kMappedBytes) {
    void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    buffer_ = {static_cast<std::byte*>(memory), Free{bytes}};
  } else {
    auto* memory = static_cast<std::byte*>(std::aligned_alloc(kAlignment, bytes));
    if (memory == nullptr) throw std::bad_alloc();
    buffer_ = {memory, Free{}};
  }
}

Tensor::Tensor(Tensor&& other) noexcept
    : buffer_(std::move(other.buffer_)),
      dtype_(other.dtype_),
      shape_(std::exchange(other.shape_, Shape{0})) {}

Tensor& Tensor::operator=(Tensor&& other) noexcept {
  buffer_ = std::move(other.buffer_);
  dtype_ = other.dtype_;
  shape_ = std::exchange(other.shape_, Shape{0});
  return *this;
}

Tensor Tensor::zeros(const Shape& shape, DType dtype) {
  Tensor tensor(shape, dtype);
  std::memset(tensor.buffer_.get(), 0, tensor.view().size_bytes());
  return tensor;
}

Tensor Tensor::copy_of(ConstTensorView view) {
  Tensor tensor(view.shape(), view.dtype());
  if (view.size_bytes() != 0) std::memcpy(tensor.buffer_.get(), view.bytes(), view.size_bytes());
  return tensor;
}

void convert_to_float(ConstTensorView in, TensorView out) {
  LPMC_REQUIRE(in.shape() == out.shape(), invalid_argument,
               "convert_to_float: expected an output of shape {}, found {}", to_string(in.shape()),
               to_string(out.shape()));
  switch (in.dtype()) {
    case DType::f32:
      return convert_elements<float>(in, out);
    case DType::f64:
      return convert_elements<double>(in, out);
    case DType::f16:
      return convert_elements<Half>(in, out);
    case DType::bf16:
      return convert_elements<BFloat16>(in, out);
    case DType::i8:
      return convert_elements<std::int8_t>(in, out);
    case DType::u8:
      return convert_elements<std::uint8_t>(in, out);
    case DType::i16:
      return convert_elements<std::int16_t>(in, out);
    case DType::i32:
      return convert_elements<std::int32_t>(in, out);
    case DType::i64:
      return convert_elements<std::int64_t>(in, out);
    case DType::boolean:  // as bytes: a file may hold something other than 0 and 1
      return convert_elements<std::uint8_t>({in.bytes(), DType::u8, in.shape()}, out);
  }
}

Tensor convert_from_float(ConstTensorView in, DType dtype) {
  const float* source = in.data<float>();
  Tensor out(in.shape(), dtype);
  const auto convert = [&](auto* target, auto&& round) {
    for_blocks(in.elements(), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i)
        target[i] = round(source[i]);
    });
  };
  switch (dtype) {
    case DType::f32:
      convert(out.mutable_data<float>(), [](float x) { return x; });
      break;
    case DType::f64:
      convert(out.mutable_data<double>(), [](float x) { return static_cast<double>(x); });
      break;
    case DType::f16:
      convert(out.mutable_data<Half>(), [](float x) { return to_half(x); });
      break;
    case DType::bf16:
      convert(out.mutable_data<BFloat16>(), [](float x) { return to_bfloat16(x); });
      break;
    default:
      fail(ErrorKind::invalid_argument, "convert_from_float: expected a floating-point type, found {}",
           to_string(dtype));
  }
  return out;
}

}  // namespace lpmc
