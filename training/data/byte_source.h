// Bytes of a data file that can be read anywhere: in memory, in the file itself, or in a temporary
// file.

#ifndef FLOWGRAD_TRAINING_DATA_BYTE_SOURCE_H_
#define FLOWGRAD_TRAINING_DATA_BYTE_SOURCE_H_

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/file.h"

namespace flowgrad {

// Memory that data may still take. Thread-compatible.
class MemoryBudget {
 public:
  explicit MemoryBudget(int64_t bytes) : left_(bytes) {}
  bool Take(int64_t bytes) {
    if (bytes > left_) return false;
    left_ -= bytes;
    return true;
  }
  void Return(int64_t bytes) { left_ += bytes; }

 private:
  int64_t left_;
};

// Immutable: any number of threads may read it.
class ByteSource {
 public:
  virtual ~ByteSource() = default;

  // What messages call it: the path of a file.
  const std::string& name() const { return name_; }
  int64_t size() const { return size_; }
  // All bytes if they are in memory, or null.
  const char* memory() const { return memory_; }
  // Reads `bytes` of them from `offset` on. REQUIRES: they are there. DataLoss if the file has
  // changed since it was opened.
  virtual absl::Status ReadAt(int64_t offset, void* memory, int64_t bytes) const = 0;
  // "labels.idx: byte 25", "labels.idx.gz: unpacked byte 25"
  std::string Where(int64_t offset) const;

 protected:
  ByteSource(std::string name, std::string place, int64_t size, const char* memory)
      : name_(std::move(name)), place_(std::move(place)), size_(size), memory_(memory) {}

 private:
  std::string name_, place_;
  int64_t size_;
  const char* memory_;
};

// Bytes that `owner` keeps.
std::shared_ptr<const ByteSource> BytesInMemory(std::string name, std::string place,
                                                absl::string_view bytes,
                                                std::shared_ptr<const void> owner);

// The bytes of a plain or gzip file, unpacked: in memory if the budget allows, else in the file, or
// a temporary one.
absl::StatusOr<std::shared_ptr<const ByteSource>> OpenBytes(InputFile file, MemoryBudget& memory);

// Bytes written in order, to be read anywhere: in memory while the budget allows, then in a
// temporary file without a name. Errors begin with `name`; `place` is what Where() says before an
// offset. Thread-compatible.
class Spool {
 public:
  Spool(std::string name, std::string place, MemoryBudget& memory);
  Spool(const Spool&) = delete;
  ~Spool();

  int64_t size() const { return spilled_ + used_; }
  absl::Status Append(absl::string_view bytes);
  // What was appended; ends the use of the spool.
  absl::StatusOr<std::shared_ptr<const ByteSource>> Finish();

 private:
  bool Grow(int64_t bytes);
  absl::Status Spill();

  const std::string name_, place_;
  MemoryBudget& memory_;
  char* buffer_ = nullptr;  // from malloc(): its realloc() moves large memory without a copy
  int64_t used_ = 0, capacity_ = 0;
  int64_t spilled_ = 0;  // bytes in the file
  int fd_ = -1;          // of the temporary file, if there is one
};

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_DATA_BYTE_SOURCE_H_
