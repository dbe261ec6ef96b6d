#include "lpmc/tensor/tensor.h"

#include <cmath>
#include <limits>

#include "tests/support/matchers.h"

namespace lpmc {
namespace {

using test::ThrowsLpmc;

TEST(Shape, CountsAndPrints) {
  EXPECT_EQ(Shape({2, 3, 4}).elements(), 24);
  EXPECT_EQ(Shape({}).elements(), 1);
  EXPECT_EQ(Shape({5, 0}).elements(), 0);
  EXPECT_EQ(to_string(Shape({768, 128, 3})), "[768, 128, 3]");
  EXPECT_EQ(to_string(Shape({})), "[]");
  EXPECT_FALSE(Shape({2, 3}) == Shape({2, 3, 1}));
}

TEST(Shape, RefusesWhatDoesNotFit) {
  EXPECT_THAT([] { Shape({-1}); }, ThrowsLpmc(ErrorKind::invalid_argument, "found -1"));
  EXPECT_THAT([] { Shape({1LL << 40, 1LL << 40}); }, ThrowsLpmc(ErrorKind::invalid_argument, "does not fit"));
  EXPECT_THAT([] { Shape({1, 1, 1, 1, 1, 1, 1, 1, 1}); }, ThrowsLpmc(ErrorKind::invalid_argument, "found 9"));
  EXPECT_THAT([] { Tensor t({1LL << 62}, DType::f64); },
              ThrowsLpmc(ErrorKind::invalid_argument, "too large"));
}

TEST(Tensor, OwnsAlignedMemoryAndGivesViews) {
  Tensor t({2, 3});
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(t.data<float>()) % Tensor::kAlignment, 0U);
  for (int i = 0; i < 6; ++i)
    t.mutable_data<float>()[i] = static_cast<float>(i);
  EXPECT_EQ(t.view()[1].shape(), Shape({3}));
  EXPECT_EQ(t.view()[1].data<float>()[0], 3.0F);
  const Tensor copy = t.clone();
  t.mutable_view()[0].mutable_data<float>()[0] = 9.0F;
  EXPECT_EQ(copy.data<float>()[0], 0.0F);
  EXPECT_THAT([&] { t.data<double>(); },
              ThrowsLpmc(ErrorKind::invalid_argument, "expected float64 elements, found float32"));
}

TEST(Tensor, LeavesNothingBehindWhenMoved) {
  for (const std::int64_t size : {3, 1 << 20}) {  // from the heap, from the system
    Tensor from = Tensor::zeros({size});
    from.mutable_data<float>()[size - 1] = 2;
    Tensor to(std::move(from));
    EXPECT_EQ(to.data<float>()[size - 1], 2.0F);
    EXPECT_EQ(from.elements(), 0);
    EXPECT_TRUE(from.view().is_null());
    from = std::move(to);
    EXPECT_EQ(from.elements(), size);
  }
}

TEST(DTypes, EveryHalfSurvivesTheTripThroughFloat) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const Half half{static_cast<std::uint16_t>(bits)};
    const float value = to_float(half);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(to_float(to_half(value))));
    } else {
      EXPECT_EQ(to_half(value).bits, bits) << value;
    }
  }
}

TEST(DTypes, RoundToNearestEven) {
  EXPECT_EQ(to_half(1.0F + 0x1p-11F).bits, 0x3C00);  // a tie goes to the even mantissa
  EXPECT_EQ(to_half(1.0F + 3 * 0x1p-11F).bits, 0x3C02);
  EXPECT_EQ(to_half(65519.0F).bits, 0x7BFF);
  EXPECT_EQ(to_half(65520.0F).bits, 0x7C00);  // infinity
  EXPECT_EQ(to_half(0x1p-25F).bits, 0x0000);
  EXPECT_EQ(to_half(0x1.8p-25F).bits, 0x0001);
  EXPECT_EQ(to_half(0x1.ffcp-15F).bits, 0x03FF + 1);  // the largest subnormal's neighbour rounds up
  EXPECT_EQ(to_bfloat16(1.0F + 0x1p-8F).bits, 0x3F80);
  EXPECT_EQ(to_bfloat16(1.0F + 3 * 0x1p-8F).bits, 0x3F82);
  EXPECT_EQ(to_bfloat16(std::numeric_limits<float>::infinity()).bits, 0x7F80);
  EXPECT_TRUE(std::isnan(to_float(to_bfloat16(std::nanf("")))));
}

TEST(Tensor, ConvertsBetweenTypes) {
  Tensor numbers({3});
  numbers.mutable_data<float>()[0] = 1.5F;
  numbers.mutable_data<float>()[1] = -2.0F;
  numbers.mutable_data<float>()[2] = 0.0F;
  for (const DType dtype : {DType::f32, DType::f64, DType::f16, DType::bf16}) {
    const Tensor stored = convert_from_float(numbers, dtype);
    Tensor back({3});
    convert_to_float(stored, back);
    for (int i = 0; i < 3; ++i)
      EXPECT_EQ(back.data<float>()[i], numbers.data<float>()[i]) << to_string(dtype);
  }
  EXPECT_THAT([&] { convert_from_float(numbers, DType::i8); },
              ThrowsLpmc(ErrorKind::invalid_argument, "found int8"));
  Tensor wrong({4});
  EXPECT_THAT([&] { convert_to_float(numbers, wrong); },
              ThrowsLpmc(ErrorKind::invalid_argument, "expected an output of shape [3]"));
}

}  // namespace
}  // namespace lpmc
