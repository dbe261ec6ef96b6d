#include "tests/support/npy.h"

#include <cstring>
#include <regex>
#include <vector>

#include <zlib.h>

#include "lpmc/base/error.h"
#include "lpmc/base/mapped_file.h"

namespace lpmc::test {
namespace {

template <class T>
T read_at(std::span<const std::byte> bytes, std::size_t offset) {
  LPMC_REQUIRE(offset + sizeof(T) <= bytes.size(), corrupt, "npy: cut off at byte {}", offset);
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

DType dtype_of(const std::string& descr) {
  static const std::map<std::string, DType> names = {
      {"<f4", DType::f32}, {"<f8", DType::f64}, {"<i2", DType::i16}, {"<i4", DType::i32},
      {"<i8", DType::i64}, {"|u1", DType::u8},  {"|i1", DType::i8},  {"|b1", DType::boolean}};
  const auto found = names.find(descr);
  LPMC_REQUIRE(found != names.end(), unsupported, "npy: dtype {}", descr);
  return found->second;
}

/// A matrix whose columns were written one after the other, in row-major order.
Tensor from_fortran_order(const Tensor& columns) {
  LPMC_REQUIRE(columns.shape().rank() == 2, unsupported, "npy: Fortran order of rank {}",
               columns.shape().rank());
  Tensor rows(columns.shape(), columns.dtype());
  const std::size_t size = size_of(columns.dtype());
  const auto height = static_cast<std::size_t>(columns.size(0));
  const auto width = static_cast<std::size_t>(columns.size(1));
  for (std::size_t row = 0; row < height; ++row) {
    for (std::size_t column = 0; column < width; ++column) {
      std::memcpy(rows.mutable_view().mutable_bytes() + (row * width + column) * size,
                  columns.view().bytes() + (column * height + row) * size, size);
    }
  }
  return rows;
}

Tensor parse_npy(std::span<const std::byte> bytes) {
  LPMC_REQUIRE(bytes.size() > 10 && std::memcmp(bytes.data(), "\x93NUMPY", 6) == 0, corrupt,
               "npy: bad magic");
  const bool version_1 = bytes[6] == std::byte{1};
  const std::size_t header_size =
      version_1 ? read_at<std::uint16_t>(bytes, 8) : read_at<std::uint32_t>(bytes, 8);
  const std::size_t start = version_1 ? 10 : 12;
  const std::string header(reinterpret_cast<const char*>(bytes.data()) + start, header_size);
  std::smatch match;
  LPMC_REQUIRE(std::regex_search(header, match, std::regex("'descr': '([^']*)'")), corrupt, "npy: no descr");
  const DType dtype = dtype_of(match[1]);
  const bool fortran = header.find("'fortran_order': True") != std::string::npos;
  LPMC_REQUIRE(std::regex_search(header, match, std::regex("'shape': \\(([^)]*)\\)")), corrupt,
               "npy: no shape");
  std::vector<std::int64_t> sizes;
  const std::string list = match[1];
  const std::regex number("[0-9]+");
  for (std::sregex_iterator it(list.begin(), list.end(), number), end; it != end; ++it) {
    sizes.push_back(std::stoll(it->str()));
  }
  Tensor tensor{Shape(sizes), dtype};
  const std::size_t size = tensor.view().size_bytes();
  LPMC_REQUIRE(start + header_size + size <= bytes.size(), corrupt, "npy: cut off");
  if (size != 0) std::memcpy(tensor.mutable_view().mutable_bytes(), bytes.data() + start + header_size, size);
  return fortran ? from_fortran_order(tensor) : std::move(tensor);
}

std::vector<std::byte> inflate_raw(std::span<const std::byte> packed, std::size_t size) {
  std::vector<std::byte> out(size);
  z_stream stream{};
  LPMC_REQUIRE(inflateInit2(&stream, -MAX_WBITS) == Z_OK, io, "zlib: inflateInit2 failed");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(size);
  const int status = inflate(&stream, Z_FINISH);
  inflateEnd(&stream);
  LPMC_REQUIRE(status == Z_STREAM_END, corrupt, "npz: inflate failed");
  return out;
}

}  // namespace

Tensor read_npy(const std::filesystem::path& path) {
  const MappedFile file(path);
  return parse_npy(file.bytes());
}

std::map<std::string, Tensor> read_npz(const std::filesystem::path& path) {
  // Small fixtures only: no zip64.
  const MappedFile file(path);
  const auto bytes = file.bytes();
  std::size_t end = bytes.size() - 22;
  while (read_at<std::uint32_t>(bytes, end) != 0x06054B50U)
    --end;
  const std::size_t count = read_at<std::uint16_t>(bytes, end + 10);
  std::size_t entry = read_at<std::uint32_t>(bytes, end + 16);
  std::map<std::string, Tensor> arrays;
  for (std::size_t i = 0; i < count; ++i) {
    const auto method = read_at<std::uint16_t>(bytes, entry + 10);
    const std::size_t packed = read_at<std::uint32_t>(bytes, entry + 20);
    const std::size_t size = read_at<std::uint32_t>(bytes, entry + 24);
    const std::size_t name_size = read_at<std::uint16_t>(bytes, entry + 28);
    const std::size_t skip =
        read_at<std::uint16_t>(bytes, entry + 30) + read_at<std::uint16_t>(bytes, entry + 32);
    const std::size_t local = read_at<std::uint32_t>(bytes, entry + 42);
    std::string name(reinterpret_cast<const char*>(bytes.data()) + entry + 46, name_size);
    const std::size_t data =
        local + 30 + read_at<std::uint16_t>(bytes, local + 26) + read_at<std::uint16_t>(bytes, local + 28);
    const auto body = bytes.subspan(data, packed);
    if (name.ends_with(".npy")) name.resize(name.size() - 4);
    if (method == 0) {
      arrays.emplace(name, parse_npy(body));
    } else {
      arrays.emplace(name, parse_npy(inflate_raw(body, size)));
    }
    entry += 46 + name_size + skip;
  }
  return arrays;
}

}  // namespace lpmc::test
