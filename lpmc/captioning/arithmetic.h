#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lpmc/model/model_dir.h"

namespace lpmc {

/// In what the matrix products of a model are computed.
struct Arithmetic {
  DType dtype = DType::f32;  ///< f32, bf16 or i8
  std::string reason;        ///< for the log: "the fastest here that ..."
};

/// The arithmetics in which the model's captions are as good as it has them: f32, what its card vouches
/// for, and the type that its weights are stored in (what that costs has been paid).
std::vector<DType> good_arithmetics(const Model& model);

/// @param asked "f32", "bf16" or "int8": that; "auto": the fastest of good_arithmetics()
/// @param by_speed the arithmetics of this machine, fastest first
/// @throws Error(invalid_argument) when `asked` is something else
Arithmetic choose_arithmetic(std::string_view asked, const Model& model, std::span<const DType> by_speed);

}  // namespace lpmc
