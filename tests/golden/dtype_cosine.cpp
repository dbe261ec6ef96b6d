// dtype_cosine MODEL AUDIO: cosines between the logits of each arithmetic and those of float32,
// teacher-forced on float32's own greedy captions of the first clips. Ends with 1 where one is not over
// 0.999.

#include <exception>

#include <fmt/format.h>

#include "tests/golden/teacher_forced.h"

namespace lpmc::test {
namespace {

constexpr std::int64_t kClips = 3;
constexpr int kLength = 64;
constexpr double kLowestCosine = 0.999;

int compare_dtypes(const char* model_name, const char* audio) {
  const Model model = open_model(find_model(model_name));
  const Tensor waveforms = first_clips(audio, model.config, kClips);
  const auto texts = greedy_texts(model, waveforms, kLength);
  const auto expected = teacher_forced_logits(model, DType::f32, waveforms, texts);
  bool good = true;
  for (const DType dtype : {DType::bf16, DType::i8}) {
    const Cosines cosines = compare_logits(teacher_forced_logits(model, dtype, waveforms, texts), expected);
    fmt::print("{:<9} lowest {:.6f}, mean {:.6f} over {} positions of {} clips\n", to_string(dtype),
               cosines.lowest, cosines.mean, kLength, kClips);
    good = good && cosines.lowest > kLowestCosine;
  }
  return good ? 0 : 1;
}

}  // namespace
}  // namespace lpmc::test

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "usage: dtype_cosine MODEL AUDIO\n");
    return 2;
  }
  try {
    return lpmc::test::compare_dtypes(argv[1], argv[2]);
  } catch (const std::exception& error) {
    fmt::print(stderr, "dtype_cosine: {}\n", error.what());
    return 3;
  }
}
