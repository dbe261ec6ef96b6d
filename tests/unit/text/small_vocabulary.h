#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lpmc::test {

using MergePair = std::pair<std::string, std::string>;

/// The 256 characters of the byte alphabet as UTF-8, in order of the byte, worked out anew.
std::vector<std::string> byte_tokens();

/// vocab.json: <s> <pad> </s> <unk> (0 to 3), the bytes (4 to 259), what the merges make in their
/// order, <mask>.
std::string vocabulary_json(std::span<const MergePair> merges);

/// merges.txt
std::string merges_text(std::span<const MergePair> merges);

/// The merges of the small vocabulary whose ids the tests state.
const std::vector<MergePair>& small_merges();

}  // namespace lpmc::test
