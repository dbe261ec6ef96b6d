#include "lpmc/audio/file_tags.h"

#include <atomic>
#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <taglib/aifffile.h>
#include <taglib/apetag.h>
#include <taglib/commentsframe.h>
#include <taglib/fileref.h>
#include <taglib/id3v1tag.h>
#include <taglib/id3v2header.h>
#include <taglib/id3v2tag.h>
#include <taglib/infotag.h>
#include <taglib/mpegfile.h>
#include <taglib/tag.h>
#include <taglib/wavfile.h>
#include <unistd.h>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"

namespace lpmc {
namespace {

namespace fs = std::filesystem;

/// The status of a regular file.
struct stat check_file(const fs::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) fail_errno(display_path(path), errno);
  LPMC_REQUIRE(!S_ISDIR(status.st_mode), invalid_argument, "{}: expected a music file, found a folder",
               display_path(path));
  LPMC_REQUIRE(S_ISREG(status.st_mode), unsupported, "{}: tags: expected a regular file", display_path(path));
  return status;
}

/// @param name the file as the user knows it, for messages
TagLib::FileRef open_tags(const fs::path& path, const fs::path& name) {
  // TagLib does not say why it cannot open a file.
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) fail_errno(display_path(name), errno);
  ::close(file);
  TagLib::FileRef tags(path.c_str(), false);
  LPMC_REQUIRE(!tags.isNull() && tags.file()->isValid() && tags.tag() != nullptr, unsupported,
               "{}: no format with tags TagLib knows", display_path(name));
  return tags;
}

TagLib::ID3v2::Tag* id3v2_tag(TagLib::File& file) {
  if (auto* const mpeg = dynamic_cast<TagLib::MPEG::File*>(&file)) return mpeg->ID3v2Tag(true);
  if (auto* const wav = dynamic_cast<TagLib::RIFF::WAV::File*>(&file)) return wav->ID3v2Tag();
  return dynamic_cast<TagLib::ID3v2::Tag*>(file.tag());
}

/// The comment proper. Frames with a description ("iTunNORM") are other programs' data, which
/// TagLib's own getter and setter would take when there is nothing else.
TagLib::ID3v2::CommentsFrame* comment_frame(const TagLib::ID3v2::Tag& tag) {
  for (TagLib::ID3v2::Frame* const frame : tag.frameList("COMM")) {
    auto* const comment = dynamic_cast<TagLib::ID3v2::CommentsFrame*>(frame);
    if (comment != nullptr && comment->description().isEmpty()) return comment;
  }
  return nullptr;
}

std::string text_of(const TagLib::Tag* tag) {
  return tag == nullptr ? std::string() : tag->comment().to8Bit(true);
}

std::string comment_of(TagLib::File& file) {
  TagLib::ID3v2::Tag* const id3v2 = id3v2_tag(file);
  if (id3v2 != nullptr) {
    if (const auto* const comment = comment_frame(*id3v2)) return comment->text().to8Bit(true);
  }
  if (auto* const mpeg = dynamic_cast<TagLib::MPEG::File*>(&file)) {
    const std::string text = text_of(mpeg->APETag());
    return text.empty() ? text_of(mpeg->ID3v1Tag()) : text;
  }
  if (auto* const wav = dynamic_cast<TagLib::RIFF::WAV::File*>(&file)) return text_of(wav->InfoTag());
  return id3v2 == nullptr ? text_of(file.tag()) : std::string();
}

TagLib::ID3v2::Version version_of(const TagLib::ID3v2::Tag& tag) {
  return tag.header()->majorVersion() == 3 ? TagLib::ID3v2::v3 : TagLib::ID3v2::v4;
}

void set_comment_frame(TagLib::ID3v2::Tag& tag, const TagLib::String& text) {
  TagLib::ID3v2::CommentsFrame* comment = comment_frame(tag);
  if (comment == nullptr) {
    comment = new TagLib::ID3v2::CommentsFrame(TagLib::String::UTF8);
    tag.addFrame(comment);  // owns it from here
  }
  comment->setText(text);
}

/// Into every tag of the file that has room for it (ID3v1 has 28 characters), and only those.
bool save_mpeg(TagLib::MPEG::File& file, const TagLib::String& text) {
  const auto version = file.hasID3v2Tag() ? version_of(*file.ID3v2Tag()) : TagLib::ID3v2::v4;
  set_comment_frame(*file.ID3v2Tag(true), text);
  int kinds = TagLib::MPEG::File::ID3v2;
  if (file.hasID3v1Tag()) kinds |= TagLib::MPEG::File::ID3v1;
  if (file.hasAPETag()) {
    kinds |= TagLib::MPEG::File::APE;
    file.APETag()->setComment(text);
  }
  return file.save(kinds, TagLib::File::StripNone, version, TagLib::File::DoNotDuplicate);
}

bool save_wav(TagLib::RIFF::WAV::File& file, const TagLib::String& text) {
  file.InfoTag()->setComment(text);
  if (!file.hasID3v2Tag()) return file.save(TagLib::RIFF::WAV::File::Info, TagLib::File::StripNone);
  set_comment_frame(*file.ID3v2Tag(), text);
  return file.save(TagLib::RIFF::WAV::File::AllTags, TagLib::File::StripNone, version_of(*file.ID3v2Tag()));
}

bool save_comment(TagLib::File& file, const std::string& comment) {
  const TagLib::String text(comment, TagLib::String::UTF8);
  if (auto* const mpeg = dynamic_cast<TagLib::MPEG::File*>(&file)) return save_mpeg(*mpeg, text);
  if (auto* const wav = dynamic_cast<TagLib::RIFF::WAV::File*>(&file)) return save_wav(*wav, text);
  if (auto* const aiff = dynamic_cast<TagLib::RIFF::AIFF::File*>(&file)) {
    const auto version = aiff->hasID3v2Tag() ? version_of(*aiff->tag()) : TagLib::ID3v2::v4;
    set_comment_frame(*aiff->tag(), text);
    return aiff->save(version);
  }
  if (TagLib::ID3v2::Tag* const id3v2 = id3v2_tag(file)) {
    set_comment_frame(*id3v2, text);
  } else {
    file.tag()->setComment(text);
  }
  return file.save();
}

/// A copy of a file in the same folder, with its ending (TagLib goes by it); removed with the object
/// unless it took the file's place.
class WorkingCopy {
 public:
  explicit WorkingCopy(const fs::path& original) : original_(original) {
    static std::atomic<unsigned> counter{0};
    std::error_code error;
    do {
      path_ = original.parent_path() /
              fmt::format(".lpmc-{}-{}{}", ::getpid(), counter.fetch_add(1), original.extension().native());
      error.clear();
      fs::copy_file(original, path_, fs::copy_options::none, error);
    } while (error == std::errc::file_exists);
    if (error) {
      ::unlink(path_.c_str());
      fail_errno(display_path(original), error.value());
    }
  }
  ~WorkingCopy() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  WorkingCopy(const WorkingCopy&) = delete;
  WorkingCopy& operator=(const WorkingCopy&) = delete;

  const fs::path& path() const { return path_; }

  /// Onto the disk, and over the original.
  void replace(const struct stat& status) {
    const int file = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) fail_errno(display_path(original_), errno);
    // The owner first: changing it clears some permission bits. Only root may give files away.
    const bool same_owner = ::fchown(file, status.st_uid, status.st_gid) == 0;
    const mode_t mode = status.st_mode & (same_owner ? 07777U : 0777U);
    const int failed = ::fchmod(file, mode) != 0 || ::fsync(file) != 0 ? errno : 0;
    ::close(file);
    if (failed != 0) fail_errno(display_path(original_), failed);
    if (::rename(path_.c_str(), original_.c_str()) != 0) fail_errno(display_path(original_), errno);
    path_.clear();
    sync_folder();
  }

 private:
  /// So that the rename survives a power cut. Where folders cannot be synced the file is whole all
  /// the same.
  void sync_folder() const {
    const int folder = ::open(original_.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return;
    ::fsync(folder);
    ::close(folder);
  }

  fs::path original_;
  fs::path path_;
};

}  // namespace

std::string read_comment(const fs::path& path) {
  check_file(path);
  const TagLib::FileRef tags = open_tags(path, path);
  return comment_of(*tags.file());
}

void write_comment(const fs::path& path, std::string_view text) {
  LPMC_REQUIRE(!text.empty() && text.find('\0') == std::string_view::npos, invalid_argument,
               "{}: comment: expected text without NUL, found {} bytes", display_path(path), text.size());
  const std::string comment = replace_invalid_utf8(text);
  const struct stat status = check_file(path);
  std::error_code error;
  const fs::path original = fs::canonical(path, error);
  if (error) fail_errno(display_path(path), error.value());
  // A read-only file stays as it is, although renaming over it would be allowed.
  if (::access(original.c_str(), W_OK) != 0) fail_errno(display_path(path), errno);
  open_tags(original, path);  // before anything is copied

  WorkingCopy copy(original);
  {
    TagLib::FileRef tags = open_tags(copy.path(), path);
    LPMC_REQUIRE(save_comment(*tags.file(), comment), io, "{}: TagLib could not write the comment",
                 display_path(path));
  }
  const std::string found = comment_of(*open_tags(copy.path(), path).file());
  LPMC_REQUIRE(found == comment, io, "{}: comment: wrote {} bytes, read back {}", display_path(path),
               comment.size(), found.size());
  copy.replace(status);
}

}  // namespace lpmc
