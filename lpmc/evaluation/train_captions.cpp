#include "lpmc/evaluation/train_captions.h"

#include <array>
#include <cstddef>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/evaluation/caption_files.h"
#include "lpmc/evaluation/caption_records.h"

namespace lpmc {
namespace {

constexpr std::array<std::string_view, 5> kCaptionKeys = {"caption", "ground_truth", "true_captions", "text",
                                                          "captions"};

const CaptionJson* caption_in(const CaptionJson& record) {
  for (const std::string_view key : kCaptionKeys) {
    const auto found = record.find(std::string(key));
    if (found == record.end() || found->is_null()) continue;
    if (!found->is_string() || !found->get_ref<const std::string&>().empty()) return &*found;
  }
  return nullptr;
}

class TrainReader {
 public:
  TrainReader(std::string_view name, std::string_view split) : name_(name), split_(split) {}

  void take(const CaptionRecord& record) {
    const CaptionJson& value = record.value;
    if (!value.is_object()) {
      add(value, record.where);
      return;
    }
    if (!is_wanted(record)) return;
    const CaptionJson* caption = caption_in(value);
    LPMC_REQUIRE(caption != nullptr, corrupt, "{}: {}: expected a caption under \"caption\", found none",
                 name_, record.where);
    add(*caption, record.where);
  }

  std::vector<std::string> finish() {
    LPMC_REQUIRE(!captions_.empty(), corrupt, "{}: expected captions of the split '{}', found none", name_,
                 split_);
    return std::move(captions_);
  }

 private:
  bool is_wanted(const CaptionRecord& record) const {
    const auto split = record.value.find("split");
    if (split != record.value.end() && split->is_string() && !split->get_ref<const std::string&>().empty())
      return split->get_ref<const std::string&>() == split_;
    const auto evaluated = record.value.find("is_audioset_eval");
    if (evaluated == record.value.end()) return true;
    return split_ == (truth_of(*evaluated, record.where) ? "test" : "train");
  }

  bool truth_of(const CaptionJson& value, std::string_view where) const {
    if (value.is_boolean()) return value.get<bool>();
    const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    const bool yes = text == "True" || text == "true" || text == "TRUE" || text == "1";
    const bool no = text == "False" || text == "false" || text == "FALSE" || text == "0";
    LPMC_REQUIRE(yes || no, corrupt, "{}: {}: \"is_audioset_eval\": expected True or False, found '{}'",
                 name_, where, display_path(text.substr(0, 40)));
    return yes;
  }

  void add(const CaptionJson& value, std::string_view where) {
    if (value.is_array() || value.is_object()) {
      for (const auto& item : value.items())
        add_text(item.value(), where);
    } else {
      add_text(value, where);
    }
  }

  void add_text(const CaptionJson& value, std::string_view where) {
    LPMC_REQUIRE(value.is_string(), corrupt, "{}: {}: expected a caption as a string, found {}", name_, where,
                 json_type_words(value));
    captions_.push_back(value.get<std::string>());
  }

  std::string_view name_, split_;
  std::vector<std::string> captions_;
};

}  // namespace

std::vector<std::string> parse_train_captions(std::string_view text, std::string_view name,
                                              std::string_view split) {
  TrainReader reader(name, split);
  const auto is_record = [](const CaptionJson& root) {
    const CaptionJson* caption = caption_in(root);
    return caption != nullptr && !caption->is_object();
  };
  for (const CaptionRecord& record : parse_caption_records(text, name, is_record))
    reader.take(record);
  return reader.finish();
}

std::vector<std::string> read_train_captions(const std::filesystem::path& file, std::string_view split) {
  return parse_train_captions(read_text_file(file), display_path(file), split);
}

}  // namespace lpmc
