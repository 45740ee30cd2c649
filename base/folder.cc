#include "base/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/file_system.h"
#include "base/status_macros.h"
#include "base/text.h"

namespace flowgrad {

absl::Status MakeFolder(absl::string_view path) {
  if (Files().MakeFolder(std::string(path).c_str(), 0777) == 0) return absl::OkStatus();
  return SystemError(path, "cannot make the folder", errno);
}

absl::Status MakeFolders(absl::string_view path) {
  const absl::Status made = MakeFolder(path);
  if (made.ok() || IsFolder(path)) return absl::OkStatus();
  const std::string above = FolderOf(path);
  if (!absl::IsNotFound(made) || above == path) return made;
  RETURN_IF_ERROR(MakeFolders(above));
  return MakeFolder(path);
}

bool IsFolder(absl::string_view path) {
  struct stat info;
  return stat(std::string(path).c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

absl::StatusOr<std::vector<std::string>> NamesIn(absl::string_view folder) {
  DIR* const open = opendir(std::string(folder).c_str());
  if (open == nullptr) return SystemError(folder, "", errno);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = readdir(open)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  const int error = errno;
  closedir(open);
  if (error != 0) return SystemError(folder, "cannot read the folder", error);
  std::sort(names.begin(), names.end());
  return names;
}

absl::Status RemoveFolderOfFiles(absl::string_view folder) {
  struct stat info;
  if (lstat(std::string(folder).c_str(), &info) == 0 && !S_ISDIR(info.st_mode)) {
    if (Files().Unlink(std::string(folder).c_str()) == 0) return absl::OkStatus();
    return SystemError(folder, "cannot be removed", errno);
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> names, NamesIn(folder));
  for (const std::string& name : names) {
    const std::string path = absl::StrCat(folder, "/", name);
    if (Files().Unlink(path.c_str()) != 0) return SystemError(path, "cannot be removed", errno);
  }
  if (Files().RemoveFolder(std::string(folder).c_str()) == 0) return absl::OkStatus();
  return SystemError(folder, "cannot be removed", errno);
}

absl::Status RenameFolder(absl::string_view from, absl::string_view to) {
  if (Files().Rename(std::string(from).c_str(), std::string(to).c_str()) != 0) {
    return SystemError(to, "cannot rename the new folder to it", errno);
  }
  return FlushFolder(FolderOf(to));
}

absl::StatusOr<FolderLock> FolderLock::Take(absl::string_view folder) {
  const std::string path = absl::StrCat(folder, "/lock");
  const int fd = Files().Open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (fd < 0) return SystemError(path, "cannot open", errno);
  FolderLock lock(fd);
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
    // For people, and for the message below: what is in the file locks nothing.
    if (Files().Truncate(fd, 0) != 0) return SystemError(path, "cannot write", errno);
    RETURN_IF_ERROR(WriteAll(fd, absl::StrCat(getpid(), "\n"), path));
    return lock;
  }
  if (errno != EWOULDBLOCK) return SystemError(path, "cannot lock", errno);
  char text[32] = {};
  const ssize_t length = pread(fd, text, sizeof(text) - 1, 0);
  const std::string process(
      absl::StripAsciiWhitespace(absl::string_view(text, std::max<ssize_t>(0, length))));
  return InFile(folder, absl::FailedPreconditionError(absl::StrCat(
                            "another run is using this folder",
                            process.empty() ? "" : absl::StrCat(", process ", Escaped(process)),
                            "; wait for it, end it, or name another folder")));
}

FolderLock::FolderLock(FolderLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FolderLock::~FolderLock() {
  if (fd_ >= 0) Files().Close(fd_);
}

}  // namespace flowgrad
