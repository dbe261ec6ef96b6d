#include <cmath>
#include <string_view>
#include <utility>

#include <arrow/api.h>
#include <arrow/io/api.h>
#include <parquet/arrow/reader.h>
#include <parquet/exception.h>
#include <parquet/schema.h>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/dataset/parquet_table.h"

namespace lpmc {
namespace {

using nlohmann::json;

constexpr std::int64_t kBatchRows = 1024;
constexpr int kMaxDepth = 32;

[[noreturn]] void fail_status(const std::string& name, const arrow::Status& status) {
  const std::string reason = replace_invalid_utf8(std::string_view(status.message()).substr(0, 300));
  if (status.IsNotImplemented()) fail(ErrorKind::unsupported, "{}: {}", name, reason);
  if (status.IsOutOfMemory()) fail(ErrorKind::io, "{}: {}", name, reason);
  fail(ErrorKind::corrupt, "{}: expected Parquet, found an error: {}", name, reason);
}

template <class Value>
Value checked(const std::string& name, arrow::Result<Value> result) {
  if (!result.ok()) fail_status(name, result.status());
  return std::move(result).ValueUnsafe();
}

json value_of(const arrow::Array& array, std::int64_t row);

template <class Array>
json number_of(const arrow::Array& array, std::int64_t row) {
  return static_cast<const Array&>(array).Value(row);
}

template <class Array>
json real_of(const arrow::Array& array, std::int64_t row) {
  const double value = static_cast<const Array&>(array).Value(row);
  return std::isfinite(value) ? json(value) : json(nullptr);
}

template <class Array>
json text_of(const arrow::Array& array, std::int64_t row) {
  return replace_invalid_utf8(static_cast<const Array&>(array).GetView(row));
}

/// Bytes without a mark that they are text, as older writers leave strings.
template <class Array>
json bytes_of(const arrow::Array& array, std::int64_t row) {
  const std::string_view bytes = static_cast<const Array&>(array).GetView(row);
  return is_valid_utf8(bytes) ? json(bytes) : json(nullptr);
}

template <class Array>
json list_of(const arrow::Array& array, std::int64_t row) {
  const auto& list = static_cast<const Array&>(array);
  json values = json::array();
  for (std::int64_t i = list.value_offset(row); i < list.value_offset(row) + list.value_length(row); ++i)
    values.push_back(value_of(*list.values(), i));
  return values;
}

json struct_of(const arrow::Array& array, std::int64_t row) {
  const auto& parts = static_cast<const arrow::StructArray&>(array);
  json object = json::object();
  for (int i = 0; i < parts.num_fields(); ++i)
    object[replace_invalid_utf8(parts.struct_type()->field(i)->name())] = value_of(*parts.field(i), row);
  return object;
}

json value_of(const arrow::Array& array, std::int64_t row) {
  using Id = arrow::Type;
  if (array.IsNull(row)) return nullptr;
  switch (array.type_id()) {
    case Id::NA:
      return nullptr;
    case Id::BOOL:
      return number_of<arrow::BooleanArray>(array, row);
    case Id::INT8:
      return number_of<arrow::Int8Array>(array, row);
    case Id::INT16:
      return number_of<arrow::Int16Array>(array, row);
    case Id::INT32:
      return number_of<arrow::Int32Array>(array, row);
    case Id::INT64:
      return number_of<arrow::Int64Array>(array, row);
    case Id::UINT8:
      return number_of<arrow::UInt8Array>(array, row);
    case Id::UINT16:
      return number_of<arrow::UInt16Array>(array, row);
    case Id::UINT32:
      return number_of<arrow::UInt32Array>(array, row);
    case Id::UINT64:
      return number_of<arrow::UInt64Array>(array, row);
    case Id::FLOAT:
      return real_of<arrow::FloatArray>(array, row);
    case Id::DOUBLE:
      return real_of<arrow::DoubleArray>(array, row);
    case Id::STRING:
      return text_of<arrow::StringArray>(array, row);
    case Id::LARGE_STRING:
      return text_of<arrow::LargeStringArray>(array, row);
    case Id::BINARY:
      return bytes_of<arrow::BinaryArray>(array, row);
    case Id::LARGE_BINARY:
      return bytes_of<arrow::LargeBinaryArray>(array, row);
    case Id::FIXED_SIZE_BINARY:
      return bytes_of<arrow::FixedSizeBinaryArray>(array, row);
    case Id::LIST:
      return list_of<arrow::ListArray>(array, row);
    case Id::MAP:
      return list_of<arrow::MapArray>(array, row);
    case Id::LARGE_LIST:
      return list_of<arrow::LargeListArray>(array, row);
    case Id::FIXED_SIZE_LIST:
      return list_of<arrow::FixedSizeListArray>(array, row);
    case Id::STRUCT:
      return struct_of(array, row);
    case Id::DICTIONARY: {
      const auto& coded = static_cast<const arrow::DictionaryArray&>(array);
      return value_of(*coded.dictionary(), coded.GetValueIndex(row));
    }
    default: {  // dates, times, decimals
      const auto scalar = array.GetScalar(row);
      return scalar.ok() ? json(replace_invalid_utf8((*scalar)->ToString())) : json(nullptr);
    }
  }
}

/// The columns without the files that Hugging Face keeps in "bytes"; a nested column is several, one a leaf.
std::vector<int> wanted_columns(const parquet::SchemaDescriptor& schema, const std::string& name) {
  std::vector<int> wanted;
  for (int i = 0; i < schema.num_columns(); ++i) {
    const parquet::ColumnDescriptor& column = *schema.Column(i);
    const std::vector<std::string> path = column.path()->ToDotVector();
    LPMC_REQUIRE(path.size() <= kMaxDepth, unsupported, "{}: expected columns of at most {} levels, found {}",
                 name, kMaxDepth, path.size());
    const bool is_file = column.physical_type() == parquet::Type::BYTE_ARRAY && path.size() > 1 &&
                         path.back() == "bytes" &&
                         column.logical_type()->type() != parquet::LogicalType::Type::STRING;
    if (!is_file) wanted.push_back(i);
  }
  return wanted;
}

void read_rows(const std::filesystem::path& path, const std::string& name,
               const std::function<void(const json& row, std::uint64_t number)>& take) {
  std::shared_ptr<arrow::io::RandomAccessFile> file =
      checked(name, arrow::io::ReadableFile::Open(path.string()));
  parquet::ArrowReaderProperties properties(/*use_threads=*/false);
  properties.set_batch_size(kBatchRows);
  properties.set_pre_buffer(false);  // else whole row groups are held
  parquet::arrow::FileReaderBuilder builder;
  parquet::ReaderProperties checks;
  checks.set_page_checksum_verification(true);  // of the files that have them
  if (const arrow::Status opened = builder.Open(std::move(file), checks); !opened.ok())
    fail_status(name, opened);
  const auto reader = checked(name, builder.properties(properties)->Build());

  const parquet::FileMetaData& metadata = *reader->parquet_reader()->metadata();
  const std::vector<int> columns = wanted_columns(*metadata.schema(), name);
  std::vector<int> groups(static_cast<std::size_t>(metadata.num_row_groups()));
  for (std::size_t i = 0; i < groups.size(); ++i)
    groups[i] = static_cast<int>(i);
  const auto batches = checked(name, reader->GetRecordBatchReader(groups, columns));
  std::uint64_t number = 0;
  while (const std::shared_ptr<arrow::RecordBatch> batch = checked(name, batches->Next())) {
    std::vector<std::string> names;
    for (const auto& field : batch->schema()->fields())
      names.push_back(replace_invalid_utf8(field->name()));
    for (std::int64_t row = 0; row < batch->num_rows(); ++row) {
      json fields = json::object();
      for (int i = 0; i < batch->num_columns(); ++i)
        fields[names[static_cast<std::size_t>(i)]] = value_of(*batch->column(i), row);
      take(fields, ++number);
    }
  }
  // A page whose kind is damaged is passed over by Arrow.
  LPMC_REQUIRE(number == static_cast<std::uint64_t>(metadata.num_rows()), corrupt,
               "{}: expected {} rows, found {}", name, metadata.num_rows(), number);
}

}  // namespace

bool has_parquet() {
  return true;
}

void require_parquet(const std::string&) {}

void read_parquet_rows(const std::filesystem::path& path,
                       const std::function<void(const json& row, std::uint64_t number)>& take) {
  const std::string name = display_path(path);
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (error) fail_errno(name, error.value());
  LPMC_REQUIRE(std::filesystem::is_regular_file(status), unsupported,
               "{}: expected Parquet as a file, found a pipe or folder", name);
  try {
    read_rows(path, name, take);
  } catch (const parquet::ParquetException& damage) {
    fail(ErrorKind::corrupt, "{}: expected Parquet, found an error: {}", name,
         replace_invalid_utf8(std::string_view(damage.what()).substr(0, 300)));
  }
}

}  // namespace lpmc
