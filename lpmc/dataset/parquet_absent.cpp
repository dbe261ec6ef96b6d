#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/dataset/parquet_table.h"

namespace lpmc {

bool has_parquet() {
  return false;
}

void require_parquet(const std::string& thing) {
  fail(ErrorKind::unsupported,
       "{}: Parquet needs the library Arrow, which this build is without. Build with it "
       "(-DLPMC_WITH_PARQUET=ON; docs/TAG_TO_CAPTION.md says where Arrow comes from), or use JSONL: "
       "pandas.read_parquet(...).to_json(..., orient='records', lines=True) makes JSONL of Parquet",
       thing);
}

void read_parquet_rows(const std::filesystem::path& path,
                       const std::function<void(const nlohmann::json& row, std::uint64_t number)>&) {
  require_parquet(display_path(path));
}

class ParquetWriter::Impl {};

ParquetWriter::ParquetWriter(const std::filesystem::path& path, std::vector<ParquetColumn>) {
  require_parquet(display_path(path));
}

ParquetWriter::~ParquetWriter() = default;

void ParquetWriter::write(const nlohmann::json&) {}

void ParquetWriter::commit() {}

}  // namespace lpmc
