#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/file_system.h"
#include "base/status_macros.h"
#include "base/text.h"

namespace flowgrad {
namespace {

// Linux reads and writes at most 2^31 - 4096 bytes in one call.
constexpr int64_t kMostBytesPerCall = int64_t{1} << 30;

// O_NONBLOCK: opening a pipe must not wait for a writer.
constexpr int kOpenForReading = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

absl::Status FileError(absl::StatusCode code, absl::string_view path, absl::string_view message) {
  return absl::Status(code, absl::StrCat(PathText(path), ": ", message));
}

// What the file is if it is not a regular one.
absl::Status CheckType(absl::string_view path, mode_t mode) {
  if (S_ISREG(mode)) return absl::OkStatus();
  const char* type = S_ISDIR(mode)    ? "folder"
                     : S_ISFIFO(mode) ? "pipe"
                     : S_ISSOCK(mode) ? "socket"
                                      : "device";
  return FileError(absl::StatusCode::kInvalidArgument, path,
                   absl::StrCat("must be a regular file, but is a ", type));
}

int64_t ModifiedAt(const struct stat& info) {
  return int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec;
}

// The system would take a path only up to its first NUL and find another file.
absl::Status CheckPath(absl::string_view path) {
  if (path.empty()) return absl::InvalidArgumentError("the name of a file is empty");
  if (path.find('\0') == absl::string_view::npos) return absl::OkStatus();
  return FileError(absl::StatusCode::kInvalidArgument, path, "the name of a file has a NUL byte");
}

// To a file that does not exist: nothing is followed, nothing is overwritten.
constexpr int kOpenNew = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;

// A new file in `folder` that no one else has. Sets `name`.
absl::StatusOr<int> CreateBeside(absl::string_view path, std::string& name) {
  static std::atomic<int> counter = 0;
  constexpr int kAttempts = 100;  // names left over by crashed processes with our number
  int error = EEXIST;
  for (int i = 0; i < kAttempts && error == EEXIST; ++i) {
    name = absl::StrCat(FolderOf(path), "/", kTemporaryPrefix, getpid(), "-", ++counter, ".tmp");
    const int fd = Files().Open(name.c_str(), kOpenNew, 0666);
    if (fd >= 0) return fd;
    error = errno;
  }
  return SystemError(path, "cannot create a file in its folder", error);
}

// Writes and flushes the new file. After an error of fsync or close the file is worthless: no
// second try.
absl::Status WriteAndClose(int fd, absl::Span<const absl::string_view> pieces,
                           absl::string_view path) {
  absl::Status status;
  for (const absl::string_view piece : pieces) {
    if (status.ok()) status = WriteAll(fd, piece, path);
  }
  if (status.ok() && Files().Sync(fd) != 0)
    status = SystemError(path, "cannot flush to the disk", errno);
  // On Linux the descriptor is gone after close() whatever it returns, EINTR included.
  if (Files().Close(fd) != 0 && errno != EINTR && status.ok()) {
    status = SystemError(path, "cannot close", errno);
  }
  return status;
}

}  // namespace

absl::Status SystemError(absl::string_view path, absl::string_view action, int error) {
  char buffer[128];
  std::string text = strerror_r(error, buffer, sizeof(buffer));
  if (!text.empty()) text[0] = absl::ascii_tolower(text[0]);
  const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  const absl::StatusCode code = full             ? absl::StatusCode::kResourceExhausted
                                : error == ELOOP ? absl::StatusCode::kInvalidArgument
                                                 : absl::ErrnoToStatusCode(error);
  return FileError(code, path, absl::StrCat(action, action.empty() ? "" : ": ", text));
}

std::string PathText(absl::string_view path) {
  constexpr size_t kLongest = 400;
  if (path.size() <= kLongest) return Escaped(path);
  return absl::StrCat(Escaped(path.substr(0, 80)), "...", Escaped(path.substr(path.size() - 80)));
}

absl::Status InFile(absl::string_view file, const absl::Status& status) {
  if (status.ok()) return status;
  const std::string prefix = absl::StrCat(PathText(file), ": ");
  return absl::Status(status.code(),
                      absl::StrCat(prefix, absl::StrJoin(absl::StrSplit(status.message(), '\n'),
                                                         absl::StrCat("\n", prefix))));
}

std::string FolderOf(absl::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == absl::string_view::npos) return ".";
  return std::string(path.substr(0, std::max<size_t>(slash, 1)));
}

bool IsPathBelow(absl::string_view path) {
  const std::vector<absl::string_view> parts = absl::StrSplit(path, '/');
  return !path.empty() && path[0] != '/' && std::count(parts.begin(), parts.end(), "..") == 0;
}

absl::StatusOr<InputFile> InputFile::Open(absl::string_view path, int64_t max_bytes) {
  RETURN_IF_ERROR(CheckPath(path));
  const std::string name(path);
  const int fd = open(name.c_str(), kOpenForReading);
  if (fd < 0 && errno == ENXIO) return CheckType(path, S_IFSOCK);
  if (fd < 0) return SystemError(path, "", errno);
  return OfDescriptor(fd, path, max_bytes);
}

absl::StatusOr<InputFile> InputFile::OpenBelow(absl::string_view folder, absl::string_view name,
                                               int64_t max_bytes) {
  RETURN_IF_ERROR(CheckPath(name));
  const std::string path = absl::StrCat(folder, "/", name);
  const std::vector<std::string> parts = absl::StrSplit(name, '/');
  if (!IsPathBelow(name)) {
    return FileError(absl::StatusCode::kInvalidArgument, name,
                     "must be a relative path without \"..\"");
  }
  int fd = open(std::string(folder).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (size_t i = 0; i < parts.size() && fd >= 0; ++i) {
    const int type = i + 1 < parts.size() ? O_DIRECTORY : 0;
    const int inner =
        openat(fd, parts[i].empty() ? "." : parts[i].c_str(), kOpenForReading | O_NOFOLLOW | type);
    int error = errno;
    struct stat info;
    if (inner < 0 && fstatat(fd, parts[i].c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISLNK(info.st_mode)) {
      error = ELOOP;
    }
    close(fd);
    fd = inner;
    errno = error;
  }
  if (fd < 0 && errno == ELOOP) {
    return FileError(absl::StatusCode::kInvalidArgument, path,
                     "must not be, or lie behind, a symbolic link");
  }
  if (fd < 0 && errno == ENXIO) return CheckType(path, S_IFSOCK);
  if (fd < 0) return SystemError(path, "", errno);
  return OfDescriptor(fd, path, max_bytes);
}

absl::StatusOr<InputFile> InputFile::OfDescriptor(int fd, absl::string_view path,
                                                  int64_t max_bytes) {
  InputFile file(path, fd);
  struct stat info;
  if (fstat(fd, &info) != 0) return SystemError(path, "", errno);
  RETURN_IF_ERROR(CheckType(path, info.st_mode));
  if (info.st_size > max_bytes) {
    return FileError(absl::StatusCode::kInvalidArgument, path,
                     absl::StrCat("must have at most ", max_bytes, " bytes, but has ",
                                  static_cast<int64_t>(info.st_size)));
  }
  file.size_ = info.st_size;
  file.modified_ = ModifiedAt(info);
  return file;
}

InputFile::InputFile(InputFile&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      size_(other.size_),
      modified_(other.modified_) {}

InputFile::~InputFile() {
  if (fd_ >= 0) close(fd_);
}

absl::Status InputFile::ReadAt(int64_t offset, void* memory, int64_t bytes) const {
  char* place = static_cast<char*>(memory);
  while (bytes > 0) {
    const ssize_t count = pread(fd_, place, std::min(bytes, kMostBytesPerCall), offset);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return SystemError(path_, "cannot read", errno);
    if (count == 0) {
      return FileError(
          absl::StatusCode::kDataLoss, path_,
          absl::StrCat("had ", size_, " bytes when it was opened, but now only ", offset));
    }
    place += count;
    offset += count;
    bytes -= count;
  }
  return absl::OkStatus();
}

absl::Status InputFile::ReadUnchangedAt(int64_t offset, void* memory, int64_t bytes) const {
  RETURN_IF_ERROR(ReadAt(offset, memory, bytes));
  struct stat info;
  if (fstat(fd_, &info) != 0) return SystemError(path_, "", errno);
  if (info.st_size == size_ && ModifiedAt(info) == modified_) return absl::OkStatus();
  return FileError(absl::StatusCode::kDataLoss, path_,
                   absl::StrCat("has changed since it was opened, noticed at byte ", offset));
}

absl::StatusOr<std::string> ReadFile(absl::string_view path, int64_t max_bytes) {
  ASSIGN_OR_RETURN(const InputFile file, InputFile::Open(path, max_bytes));
  std::string contents;
  try {
    contents.resize(file.size());
  } catch (const std::exception&) {
    return FileError(absl::StatusCode::kResourceExhausted, path,
                     absl::StrCat("too little memory for its ", file.size(), " bytes"));
  }
  RETURN_IF_ERROR(file.ReadAt(0, contents.data(), file.size()));
  char beyond;
  if (file.ReadAt(file.size(), &beyond, 1).ok()) {
    return FileError(
        absl::StatusCode::kDataLoss, path,
        absl::StrCat("had ", file.size(), " bytes when it was opened, but now has more"));
  }
  return contents;
}

absl::Status CheckWritable(absl::string_view path) {
  RETURN_IF_ERROR(CheckPath(path));
  struct stat info;
  if (stat(std::string(path).c_str(), &info) == 0) RETURN_IF_ERROR(CheckType(path, info.st_mode));
  const std::string folder = FolderOf(path);
  if (stat(folder.c_str(), &info) != 0 || access(folder.c_str(), W_OK | X_OK) != 0) {
    return SystemError(path, "cannot be written to its folder", errno);
  }
  return absl::OkStatus();
}

bool FileExists(absl::string_view path) { return access(std::string(path).c_str(), F_OK) == 0; }

absl::Status WriteFileAtomically(absl::string_view path, absl::string_view contents) {
  return WriteFileAtomically(path, absl::MakeConstSpan(&contents, 1));
}

absl::Status WriteAll(int fd, absl::string_view bytes, absl::string_view path) {
  while (!bytes.empty()) {
    const ssize_t written =
        Files().Write(fd, bytes.data(), std::min<size_t>(bytes.size(), kMostBytesPerCall));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return SystemError(path, "cannot write", errno);
    bytes.remove_prefix(written);
  }
  return absl::OkStatus();
}

absl::Status FlushFolder(absl::string_view folder) {
  const int fd = Files().Open(std::string(folder).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (fd < 0) return SystemError(folder, "cannot open the folder", errno);
  // Some file systems cannot flush a folder and say EINVAL.
  const bool flushed = Files().Sync(fd) == 0 || errno == EINVAL;
  const int error = errno;
  Files().Close(fd);
  return flushed ? absl::OkStatus()
                 : SystemError(folder, "cannot flush the folder to the disk", error);
}

absl::Status WriteFileAtomically(absl::string_view path,
                                 absl::Span<const absl::string_view> pieces) {
  RETURN_IF_ERROR(CheckPath(path));
  const std::string name(path);
  // Without this check /dev/null would be replaced by a file, if we may write there.
  struct stat info;
  if (stat(name.c_str(), &info) == 0) RETURN_IF_ERROR(CheckType(path, info.st_mode));
  std::string temporary;
  ASSIGN_OR_RETURN(const int fd, CreateBeside(path, temporary));
  absl::Status status = WriteAndClose(fd, pieces, path);
  if (status.ok() && Files().Rename(temporary.c_str(), name.c_str()) != 0) {
    status = SystemError(path, "cannot rename the new file to it", errno);
  }
  if (!status.ok()) {
    Files().Unlink(temporary.c_str());
    return status;
  }
  // The new name is on the disk only when the folder is.
  return FlushFolder(FolderOf(path));
}

absl::Status WriteNewFile(absl::string_view path, absl::Span<const absl::string_view> pieces) {
  RETURN_IF_ERROR(CheckPath(path));
  const std::string name(path);
  const int fd = Files().Open(name.c_str(), kOpenNew, 0666);
  if (fd < 0) return SystemError(path, "cannot make the file", errno);
  absl::Status status = WriteAndClose(fd, pieces, path);
  if (!status.ok()) Files().Unlink(name.c_str());
  return status;
}

}  // namespace flowgrad
