#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "lpmc/tensor/dtype.h"
#include "lpmc/tensor/shape.h"

namespace lpmc {

namespace detail {
[[noreturn]] void fail_dtype(DType expected, DType found);
}

/// A look at contiguous row-major elements that somebody else keeps alive. Two pointers' worth of
/// state and a shape; copied freely.
class ConstTensorView {
 public:
  ConstTensorView() = default;
  ConstTensorView(const void* data, DType dtype, const Shape& shape)
      : data_(static_cast<const std::byte*>(data)), dtype_(dtype), shape_(shape) {}

  const Shape& shape() const { return shape_; }
  std::int64_t size(std::size_t dimension) const { return shape_[dimension]; }
  DType dtype() const { return dtype_; }
  std::int64_t elements() const { return shape_.elements(); }
  std::size_t size_bytes() const { return static_cast<std::size_t>(elements()) * size_of(dtype_); }
  const std::byte* bytes() const { return data_; }
  /// No data at all (as opposed to zero elements).
  bool is_null() const { return data_ == nullptr; }

  /// @throws Error(invalid_argument) when the elements are of another type
  template <class T>
  const T* data() const {
    if (DTypeOf<T>::value != dtype_) detail::fail_dtype(DTypeOf<T>::value, dtype_);
    return static_cast<const T*>(static_cast<const void*>(data_));
  }
  template <class T>
  std::span<const T> values() const {
    return {data<T>(), static_cast<std::size_t>(elements())};
  }
  /// The sub-tensor `index` of the outermost dimension. @pre rank >= 1, index in range
  ConstTensorView operator[](std::int64_t index) const;

 protected:
  const std::byte* data_ = nullptr;
  DType dtype_ = DType::f32;
  Shape shape_{0};
};

/// A ConstTensorView whose elements may be written.
class TensorView : public ConstTensorView {
 public:
  TensorView() = default;
  TensorView(void* data, DType dtype, const Shape& shape) : ConstTensorView(data, dtype, shape) {}

  std::byte* mutable_bytes() const { return const_cast<std::byte*>(data_); }
  template <class T>
  T* mutable_data() const {
    return const_cast<T*>(data<T>());
  }
  template <class T>
  std::span<T> mutable_values() const {
    return {mutable_data<T>(), static_cast<std::size_t>(elements())};
  }
  TensorView operator[](std::int64_t index) const;
};

/// An owning, 64-byte aligned, contiguous row-major tensor. Moved, not copied; clone() copies.
class Tensor {
 public:
  static constexpr std::size_t kAlignment = 64;

  Tensor() = default;
  ~Tensor() = default;
  /// Elements are uninitialised.
  explicit Tensor(const Shape& shape, DType dtype = DType::f32);
  /// What was moved from is as a default one: null, no elements.
  Tensor(Tensor&& other) noexcept;
  Tensor& operator=(Tensor&& other) noexcept;
  static Tensor zeros(const Shape& shape, DType dtype = DType::f32);
  static Tensor copy_of(ConstTensorView view);
  Tensor clone() const { return copy_of(*this); }

  operator ConstTensorView() const { return {buffer_.get(), dtype_, shape_}; }  // NOLINT: a view on purpose
  operator TensorView() { return {buffer_.get(), dtype_, shape_}; }             // NOLINT
  ConstTensorView view() const { return *this; }
  TensorView mutable_view() { return *this; }

  const Shape& shape() const { return shape_; }
  std::int64_t size(std::size_t dimension) const { return shape_[dimension]; }
  DType dtype() const { return dtype_; }
  std::int64_t elements() const { return shape_.elements(); }
  template <class T>
  const T* data() const {
    return view().data<T>();
  }
  template <class T>
  T* mutable_data() {
    return mutable_view().mutable_data<T>();
  }
  template <class T>
  std::span<const T> values() const {
    return view().values<T>();
  }
  template <class T>
  std::span<T> mutable_values() {
    return mutable_view().mutable_values<T>();
  }

 private:
  struct Free {
    Free() noexcept : mapped_bytes(0) {}
    explicit Free(std::size_t bytes) noexcept : mapped_bytes(bytes) {}
    std::size_t mapped_bytes;  ///< 0: from the heap
    void operator()(std::byte* pointer) const noexcept;
  };
  std::unique_ptr<std::byte[], Free> buffer_;
  DType dtype_ = DType::f32;
  Shape shape_{0};
};

/// The elements as float32: f32, f64, f16, bf16 and integers are converted, in parallel.
/// @throws Error(invalid_argument) when `out` has another shape or is not float32
void convert_to_float(ConstTensorView in, TensorView out);

/// float32 elements rounded to `dtype` (f32, f64, f16 or bf16).
/// @throws Error(invalid_argument) for another dtype or input type
Tensor convert_from_float(ConstTensorView in, DType dtype);

}  // namespace lpmc
