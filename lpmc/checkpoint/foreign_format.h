#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "lpmc/checkpoint/zip_archive.h"

namespace lpmc {

/// Says what a file is that is neither safetensors nor a zip archive, judged by its first bytes:
/// "the torch format before 1.6 (not a zip archive); ...", "a git-lfs pointer, not the weights; ...".
std::string describe_foreign_file(std::span<const std::byte> bytes);

/// Says what a zip archive is that torch.save did not write: TorchScript, .npz, ...; empty when it
/// looks like torch.save's.
std::string describe_foreign_archive(const ZipArchive& archive);

}  // namespace lpmc
