#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lpmc/checkpoint/pickle_values.h"
#include "lpmc/checkpoint/tensor_file.h"
#include "lpmc/checkpoint/zip_archive.h"

namespace lpmc {

/// The contents of a file of tensors.
struct TensorTable {
  std::vector<StoredTensor> tensors;
  std::map<std::string, std::string> metadata;
};

/// Reads the zip format of torch.save: {"state_dict": {name: tensor}, ...}, or {name: tensor} itself.
/// Of the archive it touches the directory, data.pkl, byteorder, and the local headers of the
/// storages that the state dict uses; the tensors' bytes are not read.
/// @param bytes the archive; the tensors point into it
/// @param where names the file in errors
/// @throws Error(corrupt, unsupported)
TensorTable read_pth(std::span<const std::byte> bytes, std::string_view where);

/// The state dict of an unpickled checkpoint; its storages are the archive's entries
/// `<prefix>/data/<key>`.
/// @throws Error(corrupt) naming the tensor when it does not lie inside its storage or the storage
/// has another size than the pickle says
TensorTable tensors_of_checkpoint(const Pickle& pickle, const ZipArchive& archive, std::string_view prefix);

}  // namespace lpmc
