#include "lpmc/checkpoint/tensor_file.h"

#include <algorithm>
#include <cstring>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/checkpoint/byte_reader.h"
#include "lpmc/checkpoint/foreign_format.h"
#include "lpmc/checkpoint/pth_file.h"
#include "lpmc/checkpoint/safetensors.h"
#include "lpmc/checkpoint/zip_archive.h"

namespace lpmc {
namespace {

/// Copies the elements of dimensions `dimension` and inner ones; returns the end of what it wrote.
/// Depth is at most Shape::kMaxRank.
template <std::size_t kSize>
std::byte* copy_strided(const StoredTensor& tensor, std::size_t dimension, const std::byte* in,
                        std::byte* out) {
  const std::int64_t stride = tensor.strides[dimension] * static_cast<std::int64_t>(kSize);
  const bool innermost = dimension + 1 == tensor.shape.rank();
  for (std::int64_t i = 0; i < tensor.shape[dimension]; ++i) {
    const std::byte* element = in + i * stride;
    if (innermost) {
      std::memcpy(out, element, kSize);
      out += kSize;
    } else {
      out = copy_strided<kSize>(tensor, dimension + 1, element, out);
    }
  }
  return out;
}

void copy_elements(const StoredTensor& tensor, std::byte* out) {
  switch (size_of(tensor.dtype)) {
    case 1:
      copy_strided<1>(tensor, 0, tensor.data, out);
      break;
    case 2:
      copy_strided<2>(tensor, 0, tensor.data, out);
      break;
    case 4:
      copy_strided<4>(tensor, 0, tensor.data, out);
      break;
    default:
      copy_strided<8>(tensor, 0, tensor.data, out);
      break;
  }
}

bool is_zip(std::span<const std::byte> bytes) {
  const std::string_view start = as_text(bytes.first(std::min<std::size_t>(bytes.size(), 4)));
  return start == "PK\x03\x04" || start == "PK\x05\x06";
}

}  // namespace

bool StoredTensor::is_contiguous() const {
  if (shape.elements() == 0) return true;
  std::int64_t expected = 1;
  for (std::size_t i = shape.rank(); i-- > 0;) {
    if (shape[i] == 1) continue;
    if (strides[i] != expected) return false;
    expected *= shape[i];
  }
  return true;
}

Tensor read_tensor(const StoredTensor& tensor) {
  Tensor out(tensor.shape, tensor.dtype);
  const TensorView view = out;
  const std::size_t size = view.size_bytes();
  if (size == 0) return out;
  if (tensor.is_contiguous()) {
    std::memcpy(view.mutable_bytes(), tensor.data, size);
  } else {
    copy_elements(tensor, view.mutable_bytes());
  }
  if (tensor.dtype == DType::boolean) {  // any other byte than 0 and 1 would be no bool
    std::byte* values = view.mutable_bytes();
    std::transform(values, values + size, values, [](std::byte b) { return std::byte{b != std::byte{0}}; });
  }
  return out;
}

TensorFile TensorFile::open(const std::filesystem::path& path) {
  const std::string where = display_path(path);
  TensorFile file;
  file.file_ = MappedFile(path);
  const auto bytes = file.file_.bytes();
  LPMC_REQUIRE(!bytes.empty(), corrupt, "{}: an empty file; expected safetensors or a .pth of torch.save",
               where);
  TensorTable table;
  if (is_zip(bytes)) {
    file.format_ = Format::pth;
    table = read_pth(bytes, where);
  } else if (looks_like_safetensors(bytes)) {
    file.format_ = Format::safetensors;
    table = read_safetensors(bytes, where);
  } else {
    fail(ErrorKind::unsupported, "{}: {}", where, describe_foreign_file(bytes));
  }
  file.tensors_ = std::move(table.tensors);
  file.metadata_ = std::move(table.metadata);
  return file;
}

const StoredTensor* TensorFile::find(std::string_view name) const {
  const auto found = std::ranges::find(tensors_, name, &StoredTensor::name);
  return found == tensors_.end() ? nullptr : &*found;
}

void TensorFile::verify_checksums() const {
  if (format_ != Format::pth) return;
  const ZipArchive archive(file_.bytes(), display_path(path()));
  for (const ZipEntry& entry : archive.entries())
    archive.verify_checksum(entry);
}

}  // namespace lpmc
