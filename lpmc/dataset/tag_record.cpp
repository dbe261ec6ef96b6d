#include "lpmc/dataset/tag_record.h"

#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/dataset/clean_tags.h"
#include "lpmc/dataset/field_records.h"
#include "lpmc/dataset/record_fields.h"
#include "lpmc/dataset/split_table.h"
#include "lpmc/dataset/text_source.h"

namespace lpmc {
namespace {

using nlohmann::json;

constexpr std::array<std::pair<std::string_view, DatasetLayout>, 10> kLayouts = {{
    {"auto", DatasetLayout::automatic},
    {"musiccaps", DatasetLayout::musiccaps},
    {"mtat", DatasetLayout::mtat},
    {"msd", DatasetLayout::msd},
    {"ecals", DatasetLayout::msd},
    {"manifest", DatasetLayout::manifest},
    {"lp-musiccaps", DatasetLayout::automatic},
    {"lp-musiccaps-mc", DatasetLayout::musiccaps},
    {"lp-musiccaps-mtt", DatasetLayout::mtat},
    {"lp-musiccaps-msd", DatasetLayout::msd},
}};

class RecordReader {
 public:
  RecordReader(const RecordSource& source, SplitTable& splits, const std::function<void(TagRecord&&)>& take)
      : layout_(source.layout), needs_tags_(source.needs_tags), splits_(splits), take_(take) {
    for (const std::string& split : source.splits)
      wanted_.push_back(canonical_split(split));
  }

  RecordCounts read(TextSource& text) {
    read_field_records(text, csv_columns(),
                       [&](std::string_view id, const json& fields, const std::string& where) {
                         take_fields(fields, id, text.name() + ": " + where);
                       });
    LPMC_REQUIRE(with_field_ > 0 || records_ == 0 || !needs_tags_, corrupt,
                 "{}: expected records with tags in '{}', found {} records without; the first has: {}",
                 text.name(), fmt::join(tag_field_names(layout_), "' or '"), records_, first_fields_);
    counts_.missing_ids = splits_.from_file() ? splits_.count_unmet(wanted_) : 0;
    return counts_;
  }

  const std::vector<std::string>& wanted() const { return wanted_; }

 private:
  /// What tells a table of records: tags, or what names a record where tags are not needed.
  std::vector<std::string> csv_columns() const {
    std::vector<std::string> columns = tag_field_names(layout_);
    if (!needs_tags_) columns.insert(columns.end(), id_field_names().begin(), id_field_names().end());
    return columns;
  }

  void take_fields(const json& fields, std::string_view id, const std::string& where) {
    FieldRecord found = record_from_fields(fields, id, layout_, where);
    if (++records_ == 1) first_fields_ = names_of(fields);
    if (found.has_tags) ++with_field_;
    TagRecord& record = found.record;
    const SplitTable::Meeting meeting = splits_.meet(record.id);
    if (!meeting.first) {
      ++counts_.duplicate_ids;
      return;
    }
    if (splits_.from_file()) {
      if (meeting.split == nullptr) {
        ++counts_.without_split;
        return;
      }
      record.split = *meeting.split;
    }
    if (!wanted_.empty() && std::find(wanted_.begin(), wanted_.end(), record.split) == wanted_.end()) {
      ++counts_.other_splits;
      return;
    }
    std::size_t too_long = 0;
    record.tags = clean_tags(std::move(record.tags), too_long);
    counts_.long_tags += too_long;
    if (record.tags.empty() && needs_tags_) {
      ++counts_.without_tags;
      return;
    }
    ++counts_.kept;
    take_(std::move(record));
  }

  static std::string names_of(const json& fields) {
    std::string names;
    for (const auto& [name, value] : fields.items())
      names += (names.empty() ? "" : ", ") + name;
    return display_path(names.size() > 200 ? names.substr(0, 200) + "..." : names);
  }

  DatasetLayout layout_;
  bool needs_tags_;
  SplitTable& splits_;
  const std::function<void(TagRecord&&)>& take_;
  std::vector<std::string> wanted_;
  RecordCounts counts_;
  std::uint64_t records_ = 0;
  std::uint64_t with_field_ = 0;  // records that have a field of tags
  std::string first_fields_;
};

}  // namespace

DatasetLayout parse_dataset_layout(std::string_view name) {
  for (const auto& [known, layout] : kLayouts) {
    if (known == name) return layout;
  }
  fail(ErrorKind::invalid_argument,
       "dataset: expected one of auto, musiccaps, mtat, msd, ecals, manifest, lp-musiccaps, lp-musiccaps-mc, "
       "lp-musiccaps-mtt, lp-musiccaps-msd, found '{}'",
       display_path(name));
}

RecordCounts read_tag_records(const RecordSource& source, const std::function<void(TagRecord&&)>& take) {
  TextSource text(source.input);
  return read_tag_records(text, source, take);
}

RecordCounts read_tag_records(TextSource& text, const RecordSource& source,
                              const std::function<void(TagRecord&&)>& take) {
  SplitTable no_file;
  std::optional<SplitTable> from_file;
  if (source.split_file) from_file.emplace(*source.split_file);
  SplitTable& splits = from_file ? *from_file : no_file;
  RecordReader reader(source, splits, take);
  if (splits.from_file()) {
    for (const std::string& wanted : reader.wanted()) {
      LPMC_REQUIRE(std::find(splits.splits().begin(), splits.splits().end(), wanted) != splits.splits().end(),
                   invalid_argument, "{}: expected a split named '{}', found: {}",
                   display_path(*source.split_file), display_path(wanted), fmt::join(splits.splits(), ", "));
    }
  }
  return reader.read(text);
}

}  // namespace lpmc
