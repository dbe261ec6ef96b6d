#include "lpmc/audio/npy.h"

#include <cmath>
#include <cstring>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lpmc/audio/int16_samples.h"

#include "tests/support/fixtures.h"
#include "tests/support/matchers.h"
#include "tests/support/wav.h"

namespace lpmc {
namespace {

using test::ThrowsLpmc;
using ::testing::ElementsAre;

/// A .npy file of version 1 (or 2), with its header padded as NumPy does.
std::string npy(const std::string& type, const std::string& shape, const std::string& data,
                char version = 1) {
  std::string header = "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }";
  const std::size_t prefix = version == 1 ? 10 : 12;
  while ((prefix + header.size() + 1) % 64 != 0)
    header += ' ';
  header += '\n';
  std::string file = std::string("\x93NUMPY") + version + '\0';
  for (std::size_t i = 0; i < prefix - 8; ++i)
    file += static_cast<char>(header.size() >> (8 * i) & 0xFF);
  return file + header + data;
}

template <class T>
std::string bytes_of(std::initializer_list<T> values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), std::data(values), bytes.size());
  return bytes;
}

std::vector<std::int16_t> read(const std::string& file) {
  return npy_samples(std::as_bytes(std::span(file)), "x.npy");
}

TEST(Npy, ReadsFloatsAndInt16) {
  EXPECT_THAT(read(npy("<f4", "(4,)", bytes_of({0.5F, -1.0F, 1.0F, 1.5F / 32768}))),
              ElementsAre(16384, -32768, 32767, 2));  // 1.5 steps round to the even 2
  EXPECT_THAT(read(npy("<f8", "(1, 2)", bytes_of({0.25, -1.2}))), ElementsAre(8192, -32768));
  EXPECT_THAT(read(npy("<i2", "(3, 1)", bytes_of<std::int16_t>({1, -2, 32767}), 2)),
              ElementsAre(1, -2, 32767));
  EXPECT_THAT(read(npy(">i2", "(2,)", std::string("\x01\x02\xFF\xFE", 4))), ElementsAre(258, -2));
  EXPECT_THAT(read(npy("<f4", "()", bytes_of({0.5F}))), ElementsAre(16384));
}

TEST(Npy, WhatIsNoWaveformIsNamed) {
  const auto expect_error = [](const std::string& file, ErrorKind kind, const std::string& message) {
    EXPECT_THAT([&] { read(file); }, ThrowsLpmc(kind, message)) << message;
  };
  expect_error("", ErrorKind::corrupt, "found an empty file");
  expect_error("RIFF 1234 WAVE", ErrorKind::corrupt, "expected a .npy file");
  expect_error(npy("<f4", "(3,)", bytes_of({0.5F})), ErrorKind::corrupt, "expected 3 samples, found 1");
  expect_error(npy("<c8", "(1,)", bytes_of({0.5F, 0.5F})), ErrorKind::unsupported, "found '<c8'");
  expect_error(npy("<f4", "(2, 2)", bytes_of({0.5F, 0.F, 0.F, 0.F})), ErrorKind::unsupported, "shape (2, 2)");
  expect_error(npy("<f4", "(99999999999999999999999,)", ""), ErrorKind::corrupt, "expected a shape");
  expect_error(npy("<f4", "(-1,)", ""), ErrorKind::corrupt, "expected a shape");
  expect_error(npy("<f4", "2", ""), ErrorKind::corrupt, "expected a shape");
  expect_error(npy("<f4", "(2,)", bytes_of({0.5F, std::nanf("")})), ErrorKind::corrupt, "sample 1");
  expect_error(npy("<f4", "(2,)", bytes_of({0.5F, 1234.0F})), ErrorKind::corrupt,
               "expected samples in [-1, 1], found 1234");
  expect_error(npy("<f4", "(1,)", bytes_of({0.5F})).substr(0, 40), ErrorKind::corrupt, "expected a header");
}

TEST(Npy, IsReadAsAudio) {
  const test::TemporaryFolder folder;
  test::write_bytes(folder / "a.NPY", npy("<f4", "(2,)", bytes_of({0.5F, 0.25F})));
  test::write_bytes(folder / "none.npy", npy("<f4", "(0,)", ""));
  EXPECT_THAT(read_int16_samples(folder / "a.NPY", 16000, 10).samples, ElementsAre(16384, 8192));
  EXPECT_THAT([&] { read_int16_samples(folder / "a.NPY", 22050, 10); },
              ThrowsLpmc(ErrorKind::unsupported, "expected 22050 Hz, found .npy, which is 16000 Hz"));
  EXPECT_THAT([&] { read_int16_samples(folder / "a.NPY", 16000, 1); },
              ThrowsLpmc(ErrorKind::unsupported, "found more"));
  EXPECT_THAT([&] { read_int16_samples(folder / "none.npy", 16000, 1); },
              ThrowsLpmc(ErrorKind::corrupt, "found none"));
  EXPECT_THAT([&] { read_int16_samples(folder / "b.npy", 16000, 1); },
              ThrowsLpmc(ErrorKind::not_found, "b.npy"));
}

TEST(Int16Samples, AreTheFilesOwn) {
  const test::TemporaryFolder folder;
  std::vector<std::int16_t> samples = test::chord_int16(2);
  samples[0] = -32768;
  samples[1] = 32767;
  test::write_wav(folder / "a.wav", samples);
  EXPECT_EQ(read_int16_samples(folder / "a.wav", 16000, 32000).samples, samples);
  EXPECT_THAT([&] { read_int16_samples(folder / "a.wav", 16000, 31999); },
              ThrowsLpmc(ErrorKind::unsupported, "expected at most 1 s of sound"));
}

}  // namespace
}  // namespace lpmc
