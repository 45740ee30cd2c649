// The bytes of a file from begin to end; those of a gzip file unpacked on the way.

#ifndef FLOWGRAD_TRAINING_DATA_BYTE_STREAM_H_
#define FLOWGRAD_TRAINING_DATA_BYTE_STREAM_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/file.h"

namespace flowgrad {

// Takes little memory, whatever the file says. Errors begin with the file's name: DataLoss for gzip
// data that are damaged, cut off or followed by something else, and for a file that has changed
// since it was opened. Thread-compatible.
class ByteStream {
 public:
  static absl::StatusOr<ByteStream> Open(InputFile file);
  ByteStream(ByteStream&&) noexcept;
  ByteStream& operator=(ByteStream&&) = delete;
  ~ByteStream();

  const std::string& path() const { return file_.path(); }
  bool is_gzip() const { return gzip_ != nullptr; }

  // Reads up to `most` bytes and says how many; 0 at the end only.
  absl::StatusOr<int64_t> Read(char* memory, int64_t most);

  // Begins again.
  absl::Status Rewind();

  // The file, where nothing needs to be unpacked.
  InputFile TakeFile() && { return std::move(file_); }

 private:
  struct Gzip;

  explicit ByteStream(InputFile file);
  absl::StatusOr<int64_t> ReadGzip(char* memory, int64_t most);
  absl::Status FillGzip();

  InputFile file_;
  int64_t offset_ = 0;  // of what is read next from the file
  std::unique_ptr<Gzip> gzip_;
};

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_DATA_BYTE_STREAM_H_
