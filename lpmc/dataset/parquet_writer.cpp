#include <exception>
#include <string_view>
#include <utility>

#include <arrow/api.h>
#include <arrow/io/interfaces.h>
#include <arrow/util/compression.h>
#include <parquet/arrow/writer.h>
#include <parquet/exception.h>

#include "lpmc/base/atomic_file.h"
#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/dataset/parquet_table.h"

namespace lpmc {
namespace {

using nlohmann::json;
using Type = ParquetColumn::Type;

// A row group is what is in memory before it is written, and what a reader skips or takes as one.
constexpr std::int64_t kGroupRows = 65536;
constexpr std::size_t kGroupBytes = std::size_t{32} << 20;

/// An AtomicFile as Arrow writes to it. What it throws is kept, as Arrow's code knows no exceptions.
class ArrowFile : public arrow::io::OutputStream {
 public:
  explicit ArrowFile(const std::filesystem::path& path) : file_(path) {}

  using arrow::io::OutputStream::Write;
  arrow::Status Write(const void* data, std::int64_t size) override {
    try {
      file_.write(std::string_view(static_cast<const char*>(data), static_cast<std::size_t>(size)));
    } catch (const Error& error) {
      failure_ = std::current_exception();
      return arrow::Status::IOError(error.what());
    }
    return arrow::Status::OK();
  }
  arrow::Result<std::int64_t> Tell() const override { return static_cast<std::int64_t>(file_.size()); }
  arrow::Status Close() override {
    closed_ = true;
    return arrow::Status::OK();
  }
  bool closed() const override { return closed_; }

  void commit() { file_.commit(); }
  void throw_failure() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  AtomicFile file_;
  std::exception_ptr failure_;
  bool closed_ = false;
};

std::shared_ptr<arrow::DataType> arrow_type(Type type) {
  switch (type) {
    case Type::text:
      return arrow::utf8();
    case Type::texts:
      return arrow::list(arrow::utf8());
    case Type::integer:
      return arrow::int64();
    case Type::number:
      return arrow::float64();
    case Type::boolean:
      return arrow::boolean();
  }
  return arrow::null();
}

bool fits(const json& value, Type type) {
  switch (type) {
    case Type::text:
      return value.is_string();
    case Type::texts:
      if (!value.is_array()) return false;
      for (const json& item : value) {
        if (!item.is_string()) return false;
      }
      return true;
    case Type::integer:
      return value.is_number_integer();
    case Type::number:
      return value.is_number();
    case Type::boolean:
      return value.is_boolean();
  }
  return false;
}

/// Adds a text. @return its bytes
std::size_t append_text(arrow::StringBuilder& builder, const json& value, arrow::Status& status) {
  const std::string text = replace_invalid_utf8(value.get_ref<const std::string&>());
  status &= builder.Append(text);
  return text.size();
}

/// Adds a value that fits. @return the bytes of its text
std::size_t append(arrow::ArrayBuilder& builder, const json& value, Type type, arrow::Status& status) {
  std::size_t bytes = 0;
  switch (type) {
    case Type::text:
      return append_text(static_cast<arrow::StringBuilder&>(builder), value, status);
    case Type::texts: {
      auto& list = static_cast<arrow::ListBuilder&>(builder);
      status &= list.Append();
      for (const json& item : value)
        bytes += append_text(static_cast<arrow::StringBuilder&>(*list.value_builder()), item, status);
      return bytes;
    }
    case Type::integer:
      status &= static_cast<arrow::Int64Builder&>(builder).Append(value.get<std::int64_t>());
      break;
    case Type::number:
      status &= static_cast<arrow::DoubleBuilder&>(builder).Append(value.get<double>());
      break;
    case Type::boolean:
      status &= static_cast<arrow::BooleanBuilder&>(builder).Append(value.get<bool>());
      break;
  }
  return bytes;
}

arrow::Compression::type best_codec() {
  for (const auto codec : {arrow::Compression::ZSTD, arrow::Compression::SNAPPY}) {
    if (arrow::util::Codec::IsAvailable(codec)) return codec;
  }
  return arrow::Compression::UNCOMPRESSED;
}

}  // namespace

class ParquetWriter::Impl {
 public:
  Impl(const std::filesystem::path& path, std::vector<ParquetColumn> columns)
      : name_(display_path(path)), columns_(std::move(columns)), file_(std::make_shared<ArrowFile>(path)) {
    arrow::FieldVector fields;
    for (const ParquetColumn& column : columns_)
      fields.push_back(arrow::field(column.name, arrow_type(column.type)));
    schema_ = arrow::schema(std::move(fields));
    builder_ = checked(arrow::RecordBatchBuilder::Make(schema_, arrow::default_memory_pool()));
    parquet::WriterProperties::Builder properties;
    properties.compression(best_codec())->max_row_group_length(kGroupRows)->enable_page_checksum();
    writer_ = checked(
        parquet::arrow::FileWriter::Open(*schema_, arrow::default_memory_pool(), file_, properties.build()));
  }

  void write(const json& row) {
    for (const ParquetColumn& column : columns_) {  // before the first is added: a row goes in whole
      const auto found = row.find(column.name);
      LPMC_REQUIRE(found == row.end() || found->is_null() || fits(*found, column.type), invalid_argument,
                   "{}: {}: expected {}, found {}", name_, column.name, arrow_type(column.type)->ToString(),
                   found->type_name());
    }
    arrow::Status status;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      arrow::ArrayBuilder& column = *builder_->GetField(static_cast<int>(i));
      const auto found = row.find(columns_[i].name);
      if (found == row.end() || found->is_null()) {
        status &= column.AppendNull();
      } else {
        bytes_ += append(column, *found, columns_[i].type, status);
      }
    }
    check(status);
    if (++rows_ >= kGroupRows || bytes_ >= kGroupBytes) flush();
  }

  void commit() {
    if (rows_ > 0) flush();
    check(writer_->Close());
    file_->commit();
  }

 private:
  void check(const arrow::Status& status) const {
    file_->throw_failure();
    LPMC_REQUIRE(status.ok(), io, "{}: {}", name_, replace_invalid_utf8(status.message()));
  }
  template <class Value>
  Value checked(arrow::Result<Value> result) const {
    check(result.status());
    return std::move(result).ValueUnsafe();
  }

  void flush() {
    const std::shared_ptr<arrow::RecordBatch> batch = checked(builder_->Flush());
    const std::shared_ptr<arrow::Table> table = checked(arrow::Table::FromRecordBatches(schema_, {batch}));
    check(writer_->WriteTable(*table, kGroupRows));
    rows_ = 0;
    bytes_ = 0;
  }

  std::string name_;
  std::vector<ParquetColumn> columns_;
  std::shared_ptr<ArrowFile> file_;
  std::shared_ptr<arrow::Schema> schema_;
  std::unique_ptr<arrow::RecordBatchBuilder> builder_;
  std::unique_ptr<parquet::arrow::FileWriter> writer_;
  std::int64_t rows_ = 0;
  std::size_t bytes_ = 0;
};

ParquetWriter::ParquetWriter(const std::filesystem::path& path, std::vector<ParquetColumn> columns)
    : impl_(std::make_unique<Impl>(path, std::move(columns))) {}

ParquetWriter::~ParquetWriter() = default;

void ParquetWriter::write(const json& row) {
  impl_->write(row);
}

void ParquetWriter::commit() {
  impl_->commit();
}

}  // namespace lpmc
