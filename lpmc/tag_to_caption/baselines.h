#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace lpmc {

/// The paper's baselines. tag_concat: the tags in seeded shuffled order, joined by ", "; template: "the music
/// is characterized by " before it. The order depends on the tags' number and the seed alone, on every
/// platform.
std::string tag_concat_caption(std::span<const std::string> tags, std::uint64_t seed);
std::string template_caption(std::span<const std::string> tags, std::uint64_t seed);

/// The seed of one question, from what it is and not from when it is asked: a resumed run asks the same.
/// @param ask 0 for the first question, 1 for the first repair, ...
/// @return in [0, 2^31): every server takes that
std::uint64_t question_seed(std::int64_t run_seed, std::string_view record_id, std::string_view prompt_id,
                            int ask);

}  // namespace lpmc
