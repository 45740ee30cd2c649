// Files read whole or in parts, and written so that a crash leaves the old file or the new one.
//
// What is no regular file (directory, FIFO, device, socket) is refused before a byte is read or
// written, and a file over the caller's limit from its size. Errors start with the path: `model.pb:
// no such file or directory`. Codes: NotFound where there is no such file, PermissionDenied,
// ResourceExhausted for a full disk, too little memory or too many open files, InvalidArgument for
// the wrong type or size, DataLoss for a file that changed while it was read.

#ifndef FLOWGRAD_BASE_FILE_H_
#define FLOWGRAD_BASE_FILE_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace flowgrad {

// A path as messages show it: escaped as Quoted() does but without quotes, and long ones with "..."
// for the middle.
std::string PathText(absl::string_view path);

// `status` with the name of `file` in front of every line.
absl::Status InFile(absl::string_view file, const absl::Status& status);

// `path`, what was being done and the system's text for `error`, an errno, with its code: "a.csv:
// cannot write: no space left on device".
absl::Status SystemError(absl::string_view path, absl::string_view action, int error);

// The folder of `path`: "a/b" gives "a", "b" gives ".".
std::string FolderOf(absl::string_view path);

// True for a relative path without "..": one that does not lead out of its folder, but for symbolic
// links.
bool IsPathBelow(absl::string_view path);

// A regular file open for reading. Thread-compatible.
class InputFile {
 public:
  // Fails if there is no such file, if it is no regular file, or if it has more than `max_bytes`.
  static absl::StatusOr<InputFile> Open(absl::string_view path, int64_t max_bytes);

  // The same for a file of a folder that `name`, a relative path, may not leave: ".." and symbolic
  // links below the folder are refused. What is checked is what is opened.
  static absl::StatusOr<InputFile> OpenBelow(absl::string_view folder, absl::string_view name,
                                             int64_t max_bytes);

  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&& other) = delete;
  ~InputFile();

  const std::string& path() const { return path_; }
  int64_t size() const { return size_; }  // when it was opened

  // Reads `bytes` of them from `offset` on. DataLoss if the file has become shorter.
  absl::Status ReadAt(int64_t offset, void* memory, int64_t bytes) const;

  // The same, and DataLoss if size or time of the file have changed since it was opened.
  absl::Status ReadUnchangedAt(int64_t offset, void* memory, int64_t bytes) const;

 private:
  InputFile(absl::string_view path, int fd) : path_(path), fd_(fd) {}
  static absl::StatusOr<InputFile> OfDescriptor(int fd, absl::string_view path, int64_t max_bytes);

  std::string path_;
  int fd_;
  int64_t size_ = 0;
  int64_t modified_ = 0;  // when, in nanoseconds
};

// The whole file. The bytes are read once; a file that shrinks or grows meanwhile is DataLoss.
absl::StatusOr<std::string> ReadFile(absl::string_view path, int64_t max_bytes);

// OK if a file may be put at `path`: its folder exists and may be written to, and what is there, if
// anything, is a regular file. For finding out before long work.
absl::Status CheckWritable(absl::string_view path);

bool FileExists(absl::string_view path);

// What the names of files begin with that WriteFileAtomically() has not renamed yet.
inline constexpr absl::string_view kTemporaryPrefix = ".flowgrad-";

// Puts `contents` in the place of `path`: writes a new file beside it, flushes it to the disk,
// renames it, and flushes the folder. On an error `path` is as it was (or, if only the last flush
// failed, new) and the new file is removed; after a crash a file ".flowgrad-*.tmp" may be left. A
// symbolic link at `path` is replaced.
absl::Status WriteFileAtomically(absl::string_view path, absl::string_view contents);

// The same for contents in pieces.
absl::Status WriteFileAtomically(absl::string_view path,
                                 absl::Span<const absl::string_view> pieces);

// What it is made of, for what is written in other ways.

// All of `bytes`, after interrupts and short writes too. `path` is for messages.
absl::Status WriteAll(int fd, absl::string_view bytes, absl::string_view path);
// A file that does not exist yet, flushed to the disk; its name in the folder is not. On an error
// there is no file.
absl::Status WriteNewFile(absl::string_view path, absl::Span<const absl::string_view> pieces);
// The names of a folder's files are on the disk only after this.
absl::Status FlushFolder(absl::string_view folder);

}  // namespace flowgrad

#endif  // FLOWGRAD_BASE_FILE_H_
