#pragma once

// The plainest form of every op, accumulated in double: what the fast ones are held against.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "lpmc/tensor/tensor.h"

namespace lpmc::test {

/// A small row-major matrix of doubles.
struct Matrix {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::vector<double> values;

  Matrix() = default;
  Matrix(std::int64_t r, std::int64_t c)
      : rows(r), columns(c), values(static_cast<std::size_t>(r) * static_cast<std::size_t>(c)) {}
  double& at(std::int64_t row, std::int64_t column) {
    return values[static_cast<std::size_t>(row * columns + column)];
  }
  double at(std::int64_t row, std::int64_t column) const {
    return values[static_cast<std::size_t>(row * columns + column)];
  }
};

/// The elements of a float32, f16 or bf16 tensor as a matrix: all but the last dimension are rows.
inline Matrix to_matrix(ConstTensorView view) {
  Tensor floats(view.shape());
  convert_to_float(view, floats);
  const std::int64_t columns = view.shape().rank() == 0 ? 1 : view.size(view.shape().rank() - 1);
  Matrix matrix(columns == 0 ? 0 : view.elements() / columns, columns);
  const auto values = floats.values<float>();
  std::copy(values.begin(), values.end(), matrix.values.begin());
  return matrix;
}

/// Normal numbers, the same for equal seeds on every machine's standard library that has mt19937.
inline Tensor random_tensor(const Shape& shape, std::uint32_t seed, double scale = 1.0) {
  Tensor tensor(shape);
  std::mt19937 engine(seed);
  for (float& value : tensor.mutable_values<float>()) {
    double sum = 0;  // of four uniforms: close enough to normal, and portable
    for (int i = 0; i < 4; ++i)
      sum += static_cast<double>(engine()) / 4294967296.0 - 0.5;
    value = static_cast<float>(sum * scale * 1.7320508);
  }
  return tensor;
}

/// x weight^T + bias; bias may be empty.
inline Matrix reference_linear(const Matrix& x, const Matrix& weight, std::span<const double> bias) {
  Matrix y(x.rows, weight.rows);
  for (std::int64_t row = 0; row < x.rows; ++row) {
    for (std::int64_t out = 0; out < weight.rows; ++out) {
      double sum = bias.empty() ? 0.0 : bias[static_cast<std::size_t>(out)];
      for (std::int64_t in = 0; in < x.columns; ++in)
        sum += x.at(row, in) * weight.at(out, in);
      y.at(row, out) = sum;
    }
  }
  return y;
}

/// The largest sum of |x| |weight| + |bias|: what the rounding error of a product is proportional to.
inline double product_magnitude(const Matrix& x, const Matrix& weight, std::span<const double> bias) {
  Matrix abs_x = x;
  Matrix abs_weight = weight;
  std::vector<double> abs_bias(bias.begin(), bias.end());
  for (double& v : abs_x.values)
    v = std::abs(v);
  for (double& v : abs_weight.values)
    v = std::abs(v);
  for (double& v : abs_bias)
    v = std::abs(v);
  const Matrix y = reference_linear(abs_x, abs_weight, abs_bias);
  return y.values.empty() ? 0.0 : *std::max_element(y.values.begin(), y.values.end());
}

inline double reference_gelu(double x) {
  return 0.5 * x * (1.0 + std::erf(x / std::sqrt(2.0)));
}

inline Matrix reference_gelu(Matrix x) {
  for (double& v : x.values)
    v = reference_gelu(v);
  return x;
}

inline Matrix reference_add(Matrix a, const Matrix& b) {
  for (std::size_t i = 0; i < a.values.size(); ++i)
    a.values[i] += b.values[i];
  return a;
}

inline Matrix reference_softmax(Matrix x) {
  for (std::int64_t row = 0; row < x.rows; ++row) {
    double highest = -HUGE_VAL;
    double sum = 0;
    for (std::int64_t c = 0; c < x.columns; ++c)
      highest = std::max(highest, x.at(row, c));
    for (std::int64_t c = 0; c < x.columns; ++c)
      sum += x.at(row, c) = std::exp(x.at(row, c) - highest);
    for (std::int64_t c = 0; c < x.columns; ++c)
      x.at(row, c) /= sum;
  }
  return x;
}

inline Matrix reference_layer_norm(Matrix x, const Matrix& weight, const Matrix& bias, double epsilon) {
  const auto n = static_cast<double>(x.columns);
  for (std::int64_t row = 0; row < x.rows; ++row) {
    double mean = 0;
    double variance = 0;
    for (std::int64_t c = 0; c < x.columns; ++c)
      mean += x.at(row, c) / n;
    for (std::int64_t c = 0; c < x.columns; ++c)
      variance += (x.at(row, c) - mean) * (x.at(row, c) - mean) / n;
    for (std::int64_t c = 0; c < x.columns; ++c) {
      const double normal = (x.at(row, c) - mean) / std::sqrt(variance + epsilon);
      x.at(row, c) =
          normal * weight.values[static_cast<std::size_t>(c)] + bias.values[static_cast<std::size_t>(c)];
    }
  }
  return x;
}

/// Convolution of one item, kernel 3, zero padding 1.
/// @param x [length, in]   @param weight [out * in, 3] (a [out, in, 3] tensor as a matrix)
inline Matrix reference_conv1d(const Matrix& x, const Matrix& weight, std::span<const double> bias,
                               std::int64_t stride) {
  const auto out_channels = static_cast<std::int64_t>(bias.size());
  Matrix y((x.rows + stride - 1) / stride, out_channels);
  for (std::int64_t t = 0; t < y.rows; ++t) {
    for (std::int64_t out = 0; out < out_channels; ++out) {
      double sum = bias[static_cast<std::size_t>(out)];
      for (std::int64_t tap = 0; tap < 3; ++tap) {
        const std::int64_t position = t * stride + tap - 1;
        if (position < 0 || position >= x.rows) continue;
        for (std::int64_t in = 0; in < x.columns; ++in) {
          sum += x.at(position, in) * weight.at(out * x.columns + in, tap);
        }
      }
      y.at(t, out) = sum;
    }
  }
  return y;
}

/// Attention of one query (columns [0, d) of a row of `queries`) over rows of keys and values.
inline std::vector<double> reference_attention(std::span<const double> query, const Matrix& keys,
                                               const Matrix& values, int heads) {
  const auto d = static_cast<std::int64_t>(query.size());
  const std::int64_t head_dim = d / heads;
  std::vector<double> out(query.size());
  for (int head = 0; head < heads; ++head) {
    Matrix scores(1, keys.rows);
    for (std::int64_t j = 0; j < keys.rows; ++j) {
      double dot = 0;
      for (std::int64_t c = head * head_dim; c < (head + 1) * head_dim; ++c) {
        dot += query[static_cast<std::size_t>(c)] * keys.at(j, c);
      }
      scores.at(0, j) = dot / std::sqrt(static_cast<double>(head_dim));
    }
    const Matrix weights = reference_softmax(scores);
    for (std::int64_t c = head * head_dim; c < (head + 1) * head_dim; ++c) {
      for (std::int64_t j = 0; j < keys.rows; ++j) {
        out[static_cast<std::size_t>(c)] += weights.at(0, j) * values.at(j, c);
      }
    }
  }
  return out;
}

/// Largest absolute difference; infinity when the sizes differ or something is NaN.
inline double max_difference(std::span<const float> found, std::span<const double> expected) {
  if (found.size() != expected.size()) return HUGE_VAL;
  double worst = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double difference = std::abs(static_cast<double>(found[i]) - expected[i]);
    if (!(difference <= worst)) worst = std::isnan(difference) ? HUGE_VAL : difference;
  }
  return worst;
}

/// The bound of a float32 sum of `depth` products: the error of n roundings is at most n eps / 2 of
/// the sum of magnitudes. Only the length of the longest chain of additions counts, which vector lanes
/// make shorter than `depth`; so this bound is safe, and wrong results exceed it by far.
inline double product_tolerance(double magnitude, std::int64_t depth) {
  constexpr double kEpsilon = 1.1920929e-7;
  return magnitude * kEpsilon * 0.5 * static_cast<double>(depth + 2);
}

}  // namespace lpmc::test
