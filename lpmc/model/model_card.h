#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lpmc/tensor/dtype.h"

namespace lpmc {

// A model card is a README.md that may begin with "front matter": YAML between two lines of "---".

/// The arithmetics (f32, bf16, i8) in which a model's captions were found good, in the card's order:
/// front matter's `lpmc_dtypes: [f32, bf16, int8]`, or the same as a block list. Of YAML only this is
/// understood. What cannot be made out vouches for nothing and is a debug message, never an error.
/// @param card the text   @param where names the file in messages
std::vector<DType> vouched_dtypes(std::string_view card, std::string_view where);

/// "f32", "bf16", "int8" or their long names ("float32", "bfloat16").
/// @return f32, bf16 or i8, or nothing for another name
std::optional<DType> arithmetic_of_name(std::string_view name);

/// The short name of an arithmetic, as flags and cards have it: "f32", "bf16", "int8".
std::string_view arithmetic_name(DType dtype);

/// `card` with a section at its end that says that the weights were quantized to `dtype` from a model
/// of this name whose weights were `stored`.
std::string quantized_card(std::string_view card, std::string_view name, DType stored, DType dtype);

}  // namespace lpmc
