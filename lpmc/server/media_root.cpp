#include "lpmc/server/media_root.h"

#include <cerrno>
#include <string>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/server/http_error.h"

namespace lpmc {
namespace {

constexpr std::size_t kMaxNameBytes = 4096;

int open_beneath(int folder, const char* name) {
  open_how how{};
  // Not blocking: a pipe in the folder must not hold the thread.
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(::syscall(SYS_openat2, folder, name, &how, sizeof(how)));
}

}  // namespace

MediaRoot::MediaRoot(const std::filesystem::path& folder)
    : folder_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (folder_.number() < 0) fail_errno("--media-root " + display_path(folder), errno);
  const FileDescriptor self(open_beneath(folder_.number(), "."));
  LPMC_REQUIRE(self.number() >= 0 || errno != ENOSYS, unsupported,
               "--media-root: expected a Linux kernel with openat2 (5.6 or later), found none");
}

FileDescriptor MediaRoot::open(std::string_view name) const {
  const HttpError absent(404, "not_found", "no such file under the media folder");
  if (name.empty() || name.size() > kMaxNameBytes || name.find('\0') != std::string_view::npos) throw absent;
  FileDescriptor file(open_beneath(folder_.number(), std::string(name).c_str()));
  struct stat status {};
  if (file.number() < 0 || ::fstat(file.number(), &status) != 0 || !S_ISREG(status.st_mode)) throw absent;
  return file;
}

}  // namespace lpmc
