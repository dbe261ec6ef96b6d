#include "lpmc/evaluation/listening_test.h"

#include <algorithm>
#include <cstddef>
#include <random>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/evaluation/diversity.h"
#include "lpmc/evaluation/html_parts.h"
#include "lpmc/evaluation/listening_test_page.h"

namespace lpmc {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostEmbeddedBytes = std::size_t{512} << 20;  // browsers give up on larger pages

/// A short name of the test's content, so that answers of different tests are not counted together.
std::string fingerprint(const Json& trials) {
  std::uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a
  for (const char c : trials.dump())
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return fmt::format("{:016x}", hash);
}

std::vector<std::size_t> shuffled(std::vector<std::size_t> order, std::mt19937& random) {
  for (std::size_t i = order.size(); i > 1; --i)
    std::swap(order[i - 1], order[random() % i]);
  return order;
}

Json trial_of(const ClipCaptions& first, const ClipCaptions& second, std::size_t clip, bool swapped) {
  Json trial = {{"clip", first.id.empty() ? fmt::format("{}", clip + 1) : replace_invalid_utf8(first.id)}};
  const Json captions = {replace_invalid_utf8(first.prediction), replace_invalid_utf8(second.prediction)};
  trial["left"] = captions[swapped ? 1 : 0];
  trial["right"] = captions[swapped ? 0 : 1];
  trial["left_is"] = swapped ? "second" : "first";
  return trial;
}

void put_in(std::string& page, std::string_view mark, std::string_view text) {
  const std::size_t at = page.find(mark);
  if (at != std::string::npos) page.replace(at, mark.size(), text);
}

}  // namespace

std::string listening_test_html(std::span<const ClipCaptions> first, std::span<const ClipCaptions> second,
                                const ListeningTestOptions& options) {
  LPMC_REQUIRE(first.size() == second.size() && !first.empty(), invalid_argument,
               "listening test: expected the same clips from both systems, found {} and {}", first.size(),
               second.size());
  std::mt19937 random(options.seed);
  const std::vector<std::size_t> order =
      shuffled(sample_indices(first.size(), options.clips, options.seed), random);
  Json trials = Json::array();
  for (const std::size_t clip : order)
    trials.push_back(trial_of(first[clip], second[clip], clip, (random() & 1) != 0));
  Json test = {{"test", fingerprint(trials)},
               {"first", replace_invalid_utf8(options.first_name)},
               {"second", replace_invalid_utf8(options.second_name)}};
  std::size_t embedded = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::filesystem::path file = find_audio(first[order[i]], options.audio);
    if (file.empty()) continue;
    std::string source = options.embed_audio ? audio_data_url(file) : audio_link(file, options.page_folder);
    embedded += source.size();
    LPMC_REQUIRE(
        embedded <= kMostEmbeddedBytes, unsupported,
        "listening test: expected at most 512 MiB of audio in the page, found more in the first {} of "
        "{} clips; draw fewer or link to the files",
        i + 1, order.size());
    trials[i]["audio"] = std::move(source);
  }
  test["trials"] = std::move(trials);
  std::string page(kListeningTestPage);
  put_in(page, "{{TEST}}", escape_script_json(test.dump()));
  return page;
}

}  // namespace lpmc
