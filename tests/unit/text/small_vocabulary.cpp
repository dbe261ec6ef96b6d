#include "small_vocabulary.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace lpmc::test {

std::vector<std::string> byte_tokens() {
  const auto utf8 = [](int c) {
    if (c < 0x80) return std::string(1, static_cast<char>(c));
    return std::string{static_cast<char>(0xC0 | (c >> 6)), static_cast<char>(0x80 | (c & 0x3F))};
  };
  std::vector<std::string> tokens;
  int stand_in = 256;
  for (int byte = 0; byte < 256; ++byte) {
    const bool is_printable = (byte > 32 && byte < 127) || (byte > 160 && byte != 173);
    tokens.push_back(utf8(is_printable ? byte : stand_in++));
  }
  return tokens;
}

std::string vocabulary_json(std::span<const MergePair> merges) {
  std::vector<std::string> tokens{"<s>", "<pad>", "</s>", "<unk>"};
  for (std::string& token : byte_tokens())
    tokens.push_back(std::move(token));
  for (const auto& [left, right] : merges) {
    const std::string merged = left + right;
    if (std::find(tokens.begin(), tokens.end(), merged) == tokens.end()) tokens.push_back(merged);
  }
  tokens.emplace_back("<mask>");
  nlohmann::json json = nlohmann::json::object();
  for (std::size_t id = 0; id < tokens.size(); ++id)
    json[tokens[id]] = id;
  return json.dump();
}

std::string merges_text(std::span<const MergePair> merges) {
  std::string text = "#version: 0.2\n";
  for (const auto& [left, right] : merges)
    text += left + " " + right + "\n";
  return text;
}

const std::vector<MergePair>& small_merges() {
  static const std::vector<MergePair> merges{
      {"Ġ", "t"},  {"h", "e"},   {"Ġ", "a"},   {"Ġt", "he"}, {"i", "n"},  {"r", "e"},     {"in", "g"},
      {"Ġ", "Ġ"},  {"Ġ", "m"},   {"u", "s"},   {"Ġm", "us"}, {"i", "c"},  {"Ġmus", "ic"}, {"a", "a"},
      {"aa", "a"}, {"a", "b"},   {"ab", "a"},  {"Ġ", "'"},   {"'", "s"},  {"'", "t"},     {"n", "'"},
      {"o", "o"},  {"ab", "ab"}, {"Ã", "©"},   {"1", "2"},   {"12", "3"}, {"!", "!"},     {"Ċ", "Ċ"},
      {"ð", "Ł"},  {"ðŁ", "İ"},  {"ðŁİ", "µ"}, {"<", "s"},   {"m", "a"},  {"ma", "s"},    {"mas", "k"},
      {"Ġ", "<"},  {"s", ">"},   {"<s", ">"},  {"ŀ", "Ģ"},
  };
  return merges;
}

}  // namespace lpmc::test
