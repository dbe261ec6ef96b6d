// Files of captions: any bytes to clips or a clear error; clips written as JSON Lines are read back the same.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "lpmc/base/error.h"
#include "lpmc/evaluation/caption_files.h"
#include "lpmc/evaluation/csv_table.h"
#include "lpmc/evaluation/listening_test.h"
#include "lpmc/evaluation/train_captions.h"

namespace {

/// Runs one parser; only lpmc::Error may come out of it.
template <class Parse>
void parse_any(Parse&& parse) {
  try {
    parse();
  } catch (const lpmc::Error&) {
  }
}

std::string write_lines(const std::vector<lpmc::ClipCaptions>& clips) {
  std::string text;
  for (const lpmc::ClipCaptions& clip : clips) {
    nlohmann::json line = {{"prediction", clip.prediction}, {"references", clip.references}, {"id", clip.id}};
    text += line.dump() + "\n";
  }
  return text;
}

void check_round_trip(std::string_view text) {
  const std::vector<lpmc::ClipCaptions> clips = lpmc::parse_captions(text, "fuzz");
  const std::vector<lpmc::ClipCaptions> again = lpmc::parse_captions(write_lines(clips), "again");
  if (again.size() != clips.size()) std::abort();
  for (std::size_t i = 0; i < clips.size(); ++i) {
    const bool same = again[i].prediction == clips[i].prediction &&
                      again[i].references == clips[i].references && again[i].id == clips[i].id;
    if (!same) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(static_cast<const char*>(static_cast<const void*>(data)), size);
  parse_any([&] { check_round_trip(text); });
  parse_any([&] { lpmc::parse_train_captions(text, "fuzz.csv"); });
  parse_any([&] { lpmc::parse_csv(text, "fuzz"); });
  parse_any([&] {
    const std::vector<lpmc::AnswerFile> files = {{"fuzz", std::string(text)}};
    lpmc::count_answers(files);
  });
  return 0;
}
