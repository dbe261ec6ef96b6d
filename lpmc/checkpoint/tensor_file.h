#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lpmc/base/mapped_file.h"
#include "lpmc/tensor/tensor.h"

namespace lpmc {

/// A named tensor inside a mapped file. The bytes are read when touched.
struct StoredTensor {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;
  std::array<std::int64_t, Shape::kMaxRank> strides{};  ///< in elements, first shape.rank() count
  const std::byte* data = nullptr;                      ///< first element; may be unaligned
  std::uint64_t storage = 0;                            ///< equal for tensors of one storage (tied weights)

  bool is_contiguous() const;
};

/// A file of named tensors, mapped; nothing in it is ever executed.
class TensorFile {
 public:
  enum class Format { safetensors, pth };

  /// Opens by content, not by name: safetensors, or the zip format of torch.save.
  /// @throws Error(not_found, io, corrupt, unsupported); the message says what the file is when it
  /// is something else (legacy torch format, GGUF, a TorchScript archive, HDF5, git-lfs pointer, ...)
  static TensorFile open(const std::filesystem::path& path);

  Format format() const { return format_; }
  const std::filesystem::path& path() const { return file_.path(); }
  /// The whole file, as it is mapped.
  std::span<const std::byte> bytes() const { return file_.bytes(); }
  /// In the file's order.
  const std::vector<StoredTensor>& tensors() const { return tensors_; }
  const StoredTensor* find(std::string_view name) const;
  /// safetensors' "__metadata__"; for .pth {"epoch": ...} where it is a number.
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

  /// Reads the whole file, the optimizer's part included, and compares every checksum of a .pth's
  /// archive. (Opening compares data.pkl's only.) safetensors has no checksums: nothing to do.
  /// @throws Error(corrupt) naming the damaged entry, Error(unsupported) for a compressed one
  void verify_checksums() const;

 private:
  Format format_ = Format::safetensors;
  MappedFile file_;
  std::vector<StoredTensor> tensors_;
  std::map<std::string, std::string> metadata_;
};

/// The elements in row-major order, copied out of the file.
Tensor read_tensor(const StoredTensor& tensor);

/// A tensor to be written.
struct NamedTensor {
  std::string name;
  ConstTensorView tensor;
};

/// Writes a safetensors file, atomically.
void write_safetensors(const std::filesystem::path& path, std::span<const NamedTensor> tensors,
                       const std::map<std::string, std::string>& metadata);

/// Writes {'epoch': epoch, 'state_dict': OrderedDict(...), 'optimizer': {}} as torch.save does, so
/// that torch.load and the original's strict load_state_dict accept it. Entries that look at the
/// same data share one storage. Atomically.
void write_pth(const std::filesystem::path& path, std::span<const NamedTensor> tensors, std::int64_t epoch);

}  // namespace lpmc
