#include "lpmc/checkpoint/foreign_format.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "lpmc/checkpoint/byte_reader.h"

namespace lpmc {
namespace {

using namespace std::string_view_literals;

struct Magic {
  std::size_t offset;
  std::string_view bytes;
  std::string_view meaning;
};

constexpr std::array kMagics = {
    Magic{0, "version https://git-lfs.github.com/"sv,
          "a git-lfs pointer, not the weights; fetch the file with: git lfs pull"},
    Magic{0, "GGUF"sv, "a GGUF file (llama.cpp); expected safetensors or a .pth of torch.save"},
    Magic{0, "tjgg"sv, "a GGML file (llama.cpp's old format); expected safetensors or a .pth of torch.save"},
    Magic{0, "lmgg"sv, "a GGML file (llama.cpp's old format); expected safetensors or a .pth of torch.save"},
    Magic{0, "\x89HDF\r\n\x1a\n"sv, "an HDF5 file (Keras); expected safetensors or a .pth of torch.save"},
    Magic{0, "\x93NUMPY"sv, "a NumPy array (.npy); expected safetensors or a .pth of torch.save"},
    Magic{0, "\x1f\x8b"sv, "compressed with gzip; unpack it first"},
    Magic{0,
          "\xfd"
          "7zXZ\0"sv,
          "compressed with xz; unpack it first"},
    Magic{0, "\x28\xb5\x2f\xfd"sv, "compressed with zstd; unpack it first"},
    Magic{0, "BZh"sv, "compressed with bzip2; unpack it first"},
    Magic{257, "ustar"sv,
          "a tar archive (of torch before 0.1.11, or of something else); unpack it, or load it in "
          "Python and save it again with torch.save"},
};

/// torch.serialization.MAGIC_NUMBER 0x1950a86a20f9469cfc6c, little-endian, a pickle of its own at
/// the start of the format before torch 1.6.
constexpr std::string_view kLegacyTorchMagic = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"sv;

bool starts_with_ignoring_case(std::string_view text, std::string_view lower) {
  const auto same = [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + 32) : a) == b;
  };
  return text.size() >= lower.size() &&
         std::equal(lower.begin(), lower.end(), text.begin(), [&](char b, char a) { return same(a, b); });
}

bool is_markup(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return false;
  text.remove_prefix(begin);
  return starts_with_ignoring_case(text, "<!doctype") || starts_with_ignoring_case(text, "<html") ||
         starts_with_ignoring_case(text, "<?xml");
}

/// ONNX has no magic: a protobuf whose field 1 is a small version and field 2 the producer's name.
bool looks_like_onnx(std::string_view text) {
  return text.size() > 4 && text[0] == 0x08 && text[1] > 0 && text[1] < 0x20 && text[2] == 0x12 &&
         text[3] > 0 && text[3] < 0x40;
}

}  // namespace

std::string describe_foreign_file(std::span<const std::byte> bytes) {
  const std::string_view start = as_text(bytes.first(std::min<std::size_t>(bytes.size(), 512)));
  for (const Magic& magic : kMagics) {
    if (start.size() > magic.offset && start.substr(magic.offset).starts_with(magic.bytes)) {
      return std::string(magic.meaning);
    }
  }
  if (start.substr(0, 32).find(kLegacyTorchMagic) != std::string_view::npos) {
    return "the torch format before 1.6 (not a zip archive); load it in Python and save it again with "
           "torch.save of "
           "torch 1.6 or later";
  }
  if (start.size() > 1 && start[0] == '\x80' && start[1] >= 1 && start[1] <= 5) {
    return "a bare Python pickle; expected the zip archive that torch.save writes, or safetensors";
  }
  if (is_markup(start))
    return "an HTML or XML page, probably a server's error message saved in place of the weights";
  if (looks_like_onnx(start)) return "probably an ONNX model; expected safetensors or a .pth of torch.save";
  if (start.find_first_not_of('\0') == std::string_view::npos) {
    return "zeros at its start, probably an unfinished download";
  }
  const std::size_t begin = start.find_first_not_of(" \t\r\n");
  if (begin != std::string_view::npos && (start[begin] == '{' || start[begin] == '[')) {
    return "a JSON text; expected safetensors or a .pth of torch.save";
  }
  std::string hex;
  for (const char c : start.substr(0, 8))
    hex += fmt::format(" {:02x}", static_cast<std::uint8_t>(c));
  return fmt::format("neither safetensors nor a .pth of torch.save; it starts with the bytes{}", hex);
}

std::string describe_foreign_archive(const ZipArchive& archive) {
  const auto& entries = archive.entries();
  const auto any = [&](auto&& test) { return std::ranges::any_of(entries, test, &ZipEntry::name); };
  const auto ends_with = [](std::string_view end) {
    return [end](std::string_view name) { return name.ends_with(end); };
  };
  if (entries.empty()) return "an empty zip archive";
  if (any(ends_with("/constants.pkl")) || any(ends_with("/bytecode.pkl"))) {
    return "a TorchScript archive (torch.jit.save), which holds a program; expected a state dict saved with "
           "torch.save";
  }
  if (any(ends_with("/data.pkl"))) return {};
  if (std::ranges::all_of(entries, ends_with(".npy"), &ZipEntry::name)) {
    return "a NumPy archive (.npz); expected safetensors or a .pth of torch.save";
  }
  return fmt::format("a zip archive without a data.pkl, so not torch.save's; its first entry is '{}'",
                     shown(entries.front().name));
}

}  // namespace lpmc
