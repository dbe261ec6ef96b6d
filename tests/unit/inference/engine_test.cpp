#include "lpmc/inference/engine.h"

#include <gmock/gmock.h>

namespace lpmc {
namespace {

TEST(Engine, runs_every_arithmetic_once) {
  EXPECT_THAT(arithmetics_by_speed(), ::testing::UnorderedElementsAre(DType::f32, DType::bf16, DType::i8));
}

}  // namespace
}  // namespace lpmc
