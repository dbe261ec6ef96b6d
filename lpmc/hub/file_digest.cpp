#include "lpmc/hub/file_digest.h"

#include <array>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/evp.h>

#include "lpmc/base/error.h"
#include "lpmc/hub/open_file.h"

namespace lpmc {
namespace {

std::string digest_of_file(const OpenFile& file, const EVP_MD* kind, std::string_view before) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  bool ok = context && EVP_DigestInit_ex(context.get(), kind, nullptr) == 1 &&
            EVP_DigestUpdate(context.get(), before.data(), before.size()) == 1;
  std::vector<char> buffer(1 << 20);
  while (ok) {
    const std::size_t count = file.read(buffer);
    if (count == 0) break;
    ok = EVP_DigestUpdate(context.get(), buffer.data(), count) == 1;
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  ok = ok && EVP_DigestFinal_ex(context.get(), digest.data(), &size) == 1;
  LPMC_REQUIRE(ok, unsupported, "SHA-256 or SHA-1: libcrypto does not offer it");
  return fmt::format("{:02x}", fmt::join(digest.begin(), digest.begin() + size, ""));
}

}  // namespace

std::string sha256_of_file(const std::filesystem::path& path) {
  return digest_of_file(OpenFile(path, O_RDONLY), EVP_sha256(), "");
}

std::string git_blob_sha1_of_file(const std::filesystem::path& path) {
  const OpenFile file(path, O_RDONLY);
  std::string before = fmt::format("blob {}", std::filesystem::file_size(path));
  before += '\0';
  return digest_of_file(file, EVP_sha1(), before);
}

}  // namespace lpmc
