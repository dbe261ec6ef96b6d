#include "lpmc/checkpoint/foreign_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lpmc/checkpoint/tensor_file.h"

#include "tests/support/fixtures.h"
#include "tests/unit/checkpoint/archive_builder.h"

namespace lpmc::test {
namespace {

using namespace std::string_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;

struct Foreign {
  std::string bytes;
  std::string expected;
};

class ForeignFile : public ::testing::TestWithParam<Foreign> {};

TEST_P(ForeignFile, GetsAnErrorThatSaysWhatItIs) {
  const TemporaryFolder folder;
  const auto path = folder / "model.pth";
  write_file(path, GetParam().bytes);
  EXPECT_THAT(message_of(ErrorKind::unsupported, [&] { TensorFile::open(path); }),
              AllOf(HasSubstr("model.pth: "), HasSubstr(GetParam().expected)));
}

std::string tar() {
  std::string bytes(1024, '\0');
  bytes.replace(0, 8, "sys_info");
  bytes.replace(257, 5, "ustar");
  return bytes;
}

INSTANTIATE_TEST_SUITE_P(
    All, ForeignFile,
    ::testing::Values(
        // Its magic number, pickled alone at the start.
        Foreign{"\x80\x02\x8a\nl\xfc\x9c"
                "F\xf9 j\xa8P\x19.\x80\x02M\xe9\x03."s,
                "the torch format before 1.6"},
        Foreign{tar(), "a tar archive"}, Foreign{"GGUF\3\0\0\0"s, "a GGUF file"},
        Foreign{"\x89HDF\r\n\x1a\n"s, "an HDF5 file"}, Foreign{"\x93NUMPY\1\0"s, "a NumPy array"},
        Foreign{"\x1f\x8b\x08\0\0\0\0\0"s, "compressed with gzip"},
        Foreign{"\x28\xb5\x2f\xfd\0\0"s, "compressed with zstd"},
        Foreign{"\xfd"
                "7zXZ\0\0"s,
                "compressed with xz"},
        Foreign{"BZh91AY"s, "compressed with bzip2"}, Foreign{"\x80\x04\x95\0"s, "a bare Python pickle"},
        Foreign{"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"s,
                "a git-lfs pointer, not the weights; fetch the file with: git lfs pull"},
        Foreign{"\n <!DOCTYPE html><html>"s, "an HTML or XML page"},
        Foreign{"<HTML>"s, "an HTML or XML page"},
        Foreign{"<?xml version=\"1.0\"?><Error>"s, "an HTML or XML page"},
        Foreign{"\x08\x07\x12\x07pytorch"s, "probably an ONNX model"},
        Foreign{"{\"error\": \"x\"}"s, "a JSON text"}, Foreign{std::string(5000, '\0'), "zeros at its start"},
        Foreign{"\x01"s, "starts with the bytes 01"},
        Foreign{"RIFF\x24\0\0\0WAVE"s, "starts with the bytes 52 49 46 46 24 00 00 00"},
        Foreign{
            build_zip({{.name = "m/data.pkl"}, {.name = "m/code/__torch__.py"}, {.name = "m/constants.pkl"}})
                .bytes,
            "a TorchScript archive"},
        Foreign{build_zip({{.name = "a.npy", .method = 8}, {.name = "b.npy"}}).bytes,
                "a NumPy archive (.npz)"},
        Foreign{
            build_zip({{.name = "word/document.xml", .method = 8}}).bytes,
            "a zip archive without a data.pkl, so not torch.save's; its first entry is 'word/document.xml'"},
        Foreign{build_zip({}).bytes, "an empty zip archive"}));

TEST(TensorFileOpen, EmptyAndCutOffFilesAreCorrupt) {
  const TemporaryFolder folder;
  write_file(folder / "empty.pth", "");
  EXPECT_THAT(message_of(ErrorKind::corrupt, [&] { TensorFile::open(folder / "empty.pth"); }),
              HasSubstr("empty.pth: an empty file"));
  write_file(folder / "cut.pth", "PK\x03\x04 and so on");
  EXPECT_THAT(message_of(ErrorKind::corrupt, [&] { TensorFile::open(folder / "cut.pth"); }),
              HasSubstr("cut off: no end of central directory in the zip archive; 14 bytes"));
  write_file(folder / "cut.safetensors", "\xff\0\0\0\0\0\0\0{\"a\""s);
  EXPECT_THAT(message_of(ErrorKind::corrupt, [&] { TensorFile::open(folder / "cut.safetensors"); }),
              HasSubstr("cut off: a safetensors header of 255 bytes in a file of 12"));
}

TEST(TensorFileOpen, MissingFilesAndFolders) {
  const TemporaryFolder folder;
  EXPECT_THAT(message_of(ErrorKind::not_found, [&] { TensorFile::open(folder / "no.pth"); }),
              HasSubstr("no.pth"));
  EXPECT_THAT(message_of(ErrorKind::invalid_argument, [&] { TensorFile::open(folder.path()); }),
              HasSubstr("a folder"));
}

}  // namespace
}  // namespace lpmc::test
