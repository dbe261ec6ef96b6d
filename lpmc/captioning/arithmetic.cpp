#include "lpmc/captioning/arithmetic.h"

#include <algorithm>
#include <vector>

#include "lpmc/base/error.h"
#include "lpmc/model/model_card.h"

namespace lpmc {

namespace {

bool contains(std::span<const DType> dtypes, DType dtype) {
  return std::ranges::find(dtypes, dtype) != dtypes.end();
}

std::string reason_of(DType dtype, const Model& model) {
  if (contains(vouched_dtypes(model.files), dtype)) return "the fastest here that the model card vouches for";
  if (dtype != DType::f32 && dtype == stored_dtype(model)) return "the type that the weights are stored in";
  return "the model card vouches for no faster one";
}

}  // namespace

std::vector<DType> good_arithmetics(const Model& model) {
  std::vector<DType> good = {DType::f32};
  for (const DType dtype : vouched_dtypes(model.files)) {
    if (!contains(good, dtype)) good.push_back(dtype);
  }
  const DType stored = stored_dtype(model);
  if ((stored == DType::bf16 || stored == DType::i8) && !contains(good, stored)) good.push_back(stored);
  return good;
}

Arithmetic choose_arithmetic(std::string_view asked, const Model& model, std::span<const DType> by_speed) {
  if (asked != "auto") {
    const std::optional<DType> dtype = arithmetic_of_name(asked);
    LPMC_REQUIRE(dtype, invalid_argument, "dtype: expected auto, f32, bf16 or int8, found '{}'", asked);
    return {*dtype, "as asked"};
  }
  const std::vector<DType> good = good_arithmetics(model);
  const auto fastest = std::ranges::find_if(by_speed, [&](DType dtype) { return contains(good, dtype); });
  const DType dtype = fastest == by_speed.end() ? DType::f32 : *fastest;
  return {dtype, reason_of(dtype, model)};
}

}  // namespace lpmc
