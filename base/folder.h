// Folders: made, listed, renamed, removed, and kept for one process. Errors are those of
// base/file.h.

#ifndef FLOWGRAD_BASE_FOLDER_H_
#define FLOWGRAD_BASE_FOLDER_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace flowgrad {

bool IsFolder(absl::string_view path);
// AlreadyExists if anything has that name.
absl::Status MakeFolder(absl::string_view path);
// The folder and those that it lies in, as far as they do not exist.
absl::Status MakeFolders(absl::string_view path);
// Sorted.
absl::StatusOr<std::vector<std::string>> NamesIn(absl::string_view folder);
// A folder and the files in it; one that holds folders is left with these. Of what is no folder, a
// symbolic link say, only the name goes.
absl::Status RemoveFolderOfFiles(absl::string_view folder);
// `to` must not exist, or be an empty folder. Flushes the folder that both lie in.
absl::Status RenameFolder(absl::string_view from, absl::string_view to);

// Keeps other processes out of a folder while it lives, by a lock on the file "lock" in it, which
// the system takes away from a process that ends in whatever way.
class FolderLock {
 public:
  // FailedPrecondition if another process, or this one, has it.
  static absl::StatusOr<FolderLock> Take(absl::string_view folder);
  FolderLock(FolderLock&& other) noexcept;
  FolderLock& operator=(FolderLock&& other) = delete;
  ~FolderLock();

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace flowgrad

#endif  // FLOWGRAD_BASE_FOLDER_H_
