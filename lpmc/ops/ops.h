#pragma once

#include <cstdint>
#include <span>

#include "lpmc/tensor/tensor.h"

namespace lpmc {

// Arithmetic on float32 views. Every op checks its output's shape before it computes, throws
// Error(invalid_argument) when one does not fit, runs on the process's pool (base/threads.h), and
// gives the same bits for any number of threads. A row's result does not depend on other rows.

/// y = (x - mean) / sqrt(variance + epsilon) * weight + bias over the last dimension.
/// @param x, y [..., n]; y may be x   @param weight, bias [n]
void layer_norm(ConstTensorView x, ConstTensorView weight, ConstTensorView bias, float epsilon, TensorView y);

/// y = x / 2 (1 + erf(x / sqrt 2)): the exact GELU, not the tanh one. erf is within 1.5e-7.
/// @param x, y of one shape; y may be x
void gelu(ConstTensorView x, TensorView y);

/// y = exp(x - max) / sum over the last dimension.   @param x, y [..., n], n >= 1; y may be x
void softmax(ConstTensorView x, TensorView y);

/// y = a + b.   @param a, b, y of one shape; y may be a or b
void add(ConstTensorView a, ConstTensorView b, TensorView y);

/// Swaps the last two dimensions.   @param x [batch, m, n]   @param y [batch, n, m], not x
void transpose(ConstTensorView x, TensorView y);

/// y[i] = table[rows[i]].   @param table [size, n]   @param rows in [0, size)   @param y [rows, n]
void embedding(ConstTensorView table, std::span<const std::int32_t> rows, TensorView y);

/// y[i] += table[rows[i]].   Shapes as embedding.
void add_embedding(ConstTensorView table, std::span<const std::int32_t> rows, TensorView y);

}  // namespace lpmc
