#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace lpmc::test {

/// A WordNet folder of a few synonym sets, written in WordNet's own file formats.
class TinyWordNet {
 public:
  explicit TinyWordNet(std::string version = "3.0")
      : licence_(fmt::format("  1 WordNet {} Copyright 2006 by nobody.  \n  2   \n", version)) {}

  /// Members as data files have them: "slow", "fast(a)", "sound_file".
  TinyWordNet& synset(const std::string& part, std::vector<std::string> members) {
    synsets_[part].push_back(std::move(members));
    return *this;
  }
  TinyWordNet& exception(const std::string& part, const std::string& line) {
    exceptions_[part] += line + "\n";
    return *this;
  }

  void write(const std::filesystem::path& folder) const {
    for (const std::string part : {"noun", "verb", "adj", "adv"})
      write_part(folder, part);
  }

 private:
  void write_part(const std::filesystem::path& folder, const std::string& part) const {
    std::string data = licence_;
    std::map<std::string, std::vector<std::string>> index;
    std::vector<std::vector<std::string>> synsets{{"anything" + part}};  // so that no index is empty
    if (const auto found = synsets_.find(part); found != synsets_.end())
      synsets.insert(synsets.end(), found->second.begin(), found->second.end());
    for (const std::vector<std::string>& members : synsets) {
      const std::string offset = fmt::format("{:08}", data.size());
      data += fmt::format("{} 03 {} {:02x}", offset, part[0], members.size());
      for (const std::string& member : members) {
        data += fmt::format(" {} 0", member);
        std::string lemma = member.substr(0, member.find('('));
        for (char& c : lemma)
          c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
        index[lemma].push_back(offset);
      }
      data += " 000 | a gloss  \n";
    }
    std::string lines = licence_;
    for (const auto& [lemma, offsets] : index)
      lines += fmt::format("{} {} {} 0 {} 0 {}  \n", lemma, part[0], offsets.size(), offsets.size(),
                           fmt::join(offsets, " "));
    std::ofstream(folder / ("data." + part), std::ios::binary) << data;
    std::ofstream(folder / ("index." + part), std::ios::binary) << lines;
    const auto exceptions = exceptions_.find(part);
    std::ofstream(folder / (part + ".exc"), std::ios::binary)
        << (exceptions == exceptions_.end() ? "" : exceptions->second);
  }

  std::string licence_;
  std::map<std::string, std::vector<std::vector<std::string>>> synsets_;
  std::map<std::string, std::string> exceptions_;
};

}  // namespace lpmc::test
