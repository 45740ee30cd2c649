#include "training/data/byte_source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/file_system.h"
#include "base/status_macros.h"
#include "training/data/byte_stream.h"

namespace flowgrad {
namespace {

constexpr int64_t kFirstSpoolBytes = 64 << 10;
constexpr int64_t kSpillBytes = 1 << 20;

struct FreeDeleter {
  void operator()(char* memory) const { free(memory); }
};

absl::Status TemporaryFileError(absl::string_view name, absl::string_view action, int error) {
  char buffer[128];
  std::string text = strerror_r(error, buffer, sizeof(buffer));
  if (!text.empty()) text[0] = absl::ascii_tolower(text[0]);
  return absl::ResourceExhaustedError(
      absl::StrCat(PathText(name), ": ", action, " a temporary file for its data: ", text));
}

std::string TemporaryFolder() {
  const char* folder = getenv("TMPDIR");
  return folder != nullptr && folder[0] != '\0' ? folder : "/tmp";
}

// A file that has no name, so that it goes with the process.
absl::StatusOr<int> MakeTemporaryFile(absl::string_view name) {
  const std::string folder = TemporaryFolder();
  constexpr int kNewFile = O_RDWR | O_CLOEXEC | O_EXCL;
  int fd = Files().Open(folder.c_str(), O_TMPFILE | kNewFile, 0600);
  if (fd >= 0) return fd;
  // Not every file system can do that.
  static std::atomic<int> number = 0;
  do {
    const std::string path = absl::StrCat(folder, "/flowgrad-", getpid(), "-", number++);
    fd = Files().Open(path.c_str(), O_CREAT | kNewFile, 0600);
    if (fd >= 0) Files().Unlink(path.c_str());
  } while (fd < 0 && errno == EEXIST);
  if (fd >= 0) return fd;
  return TemporaryFileError(name, absl::StrCat("cannot make in ", PathText(folder)), errno);
}

class MemoryBytes : public ByteSource {
 public:
  MemoryBytes(std::string name, std::string place, absl::string_view bytes,
              std::shared_ptr<const void> owner)
      : ByteSource(std::move(name), std::move(place), bytes.size(), bytes.data()),
        owner_(std::move(owner)) {}
  absl::Status ReadAt(int64_t offset, void* place, int64_t bytes) const override {
    std::copy_n(memory() + offset, bytes, static_cast<char*>(place));
    return absl::OkStatus();
  }

 private:
  const std::shared_ptr<const void> owner_;
};

class FileBytes : public ByteSource {
 public:
  explicit FileBytes(InputFile file)
      : ByteSource(file.path(), "byte", file.size(), nullptr), file_(std::move(file)) {}
  absl::Status ReadAt(int64_t offset, void* place, int64_t bytes) const override {
    return file_.ReadUnchangedAt(offset, place, bytes);
  }

 private:
  const InputFile file_;
};

class TemporaryBytes : public ByteSource {
 public:
  TemporaryBytes(std::string name, std::string place, int64_t size, int fd)
      : ByteSource(std::move(name), std::move(place), size, nullptr), fd_(fd) {}
  ~TemporaryBytes() override { Files().Close(fd_); }
  absl::Status ReadAt(int64_t offset, void* place, int64_t bytes) const override {
    char* to = static_cast<char*>(place);
    while (bytes > 0) {
      const ssize_t count = pread(fd_, to, std::min<int64_t>(bytes, 1 << 30), offset);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return TemporaryFileError(name(), "cannot read", count < 0 ? errno : EIO);
      to += count;
      offset += count;
      bytes -= count;
    }
    return absl::OkStatus();
  }

 private:
  const int fd_;
};

}  // namespace

std::string ByteSource::Where(int64_t offset) const {
  return absl::StrCat(PathText(name_), ": ", place_, " ", offset);
}

std::shared_ptr<const ByteSource> BytesInMemory(std::string name, std::string place,
                                                absl::string_view bytes,
                                                std::shared_ptr<const void> owner) {
  return std::make_shared<MemoryBytes>(std::move(name), std::move(place), bytes, std::move(owner));
}

absl::StatusOr<std::shared_ptr<const ByteSource>> OpenBytes(InputFile file, MemoryBudget& memory) {
  ASSIGN_OR_RETURN(ByteStream stream, ByteStream::Open(std::move(file)));
  if (!stream.is_gzip()) {
    InputFile plain = std::move(stream).TakeFile();
    const int64_t size = plain.size();
    std::unique_ptr<char, FreeDeleter> bytes;
    if (memory.Take(size)) bytes.reset(static_cast<char*>(malloc(std::max<int64_t>(size, 1))));
    if (bytes == nullptr) return std::make_shared<FileBytes>(std::move(plain));
    RETURN_IF_ERROR(plain.ReadUnchangedAt(0, bytes.get(), size));
    const absl::string_view view(bytes.get(), size);
    return BytesInMemory(plain.path(), "byte", view, std::shared_ptr<char>(std::move(bytes)));
  }
  Spool spool(stream.path(), "unpacked byte", memory);
  std::vector<char> piece(kSpillBytes);
  while (true) {
    ASSIGN_OR_RETURN(const int64_t count, stream.Read(piece.data(), piece.size()));
    if (count == 0) return spool.Finish();
    RETURN_IF_ERROR(spool.Append(absl::string_view(piece.data(), count)));
  }
}

Spool::Spool(std::string name, std::string place, MemoryBudget& memory)
    : name_(std::move(name)), place_(std::move(place)), memory_(memory) {}

Spool::~Spool() {
  free(buffer_);
  memory_.Return(capacity_);
  if (fd_ >= 0) Files().Close(fd_);
}

// Makes room for `bytes` in all.
bool Spool::Grow(int64_t bytes) {
  const int64_t most = std::max({bytes, kFirstSpoolBytes, capacity_ + capacity_ / 2});
  for (const int64_t capacity : {most, bytes}) {
    if (!memory_.Take(capacity - capacity_)) continue;
    if (void* grown = realloc(buffer_, capacity); grown != nullptr) {
      buffer_ = static_cast<char*>(grown);
      capacity_ = capacity;
      return true;
    }
    memory_.Return(capacity - capacity_);
  }
  return false;
}

// Moves what is in memory to the file.
absl::Status Spool::Spill() {
  if (fd_ < 0) {
    ASSIGN_OR_RETURN(fd_, MakeTemporaryFile(name_));
  }
  int64_t done = 0;
  while (done < used_) {
    const int64_t piece = std::min<int64_t>(used_ - done, 1 << 30);
    const ssize_t count = Files().Write(fd_, buffer_ + done, piece);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return TemporaryFileError(name_, "cannot write", errno);
    done += count;
  }
  spilled_ += used_;
  used_ = 0;
  if (capacity_ == 0 && buffer_ != nullptr) return absl::OkStatus();
  // From now on the memory is a buffer beside the budget.
  memory_.Return(std::exchange(capacity_, 0));
  free(std::exchange(buffer_, nullptr));
  buffer_ = static_cast<char*>(malloc(kSpillBytes));
  if (buffer_ == nullptr) {
    return absl::ResourceExhaustedError(absl::StrCat(PathText(name_), ": too little memory"));
  }
  return absl::OkStatus();
}

absl::Status Spool::Append(absl::string_view bytes) {
  if (fd_ < 0) {
    const int64_t needed = used_ + static_cast<int64_t>(bytes.size());
    if (needed > capacity_ && !Grow(needed)) RETURN_IF_ERROR(Spill());
  }
  while (!bytes.empty()) {
    const int64_t room = (fd_ < 0 ? capacity_ : kSpillBytes) - used_;
    const int64_t count = std::min<int64_t>(bytes.size(), room);
    std::copy_n(bytes.data(), count, buffer_ + used_);
    used_ += count;
    bytes.remove_prefix(count);
    if (!bytes.empty()) RETURN_IF_ERROR(Spill());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const ByteSource>> Spool::Finish() {
  if (fd_ >= 0) {
    RETURN_IF_ERROR(Spill());
    return std::make_shared<TemporaryBytes>(name_, place_, spilled_, std::exchange(fd_, -1));
  }
  if (void* fitting = realloc(buffer_, std::max<int64_t>(used_, 1)); fitting != nullptr) {
    buffer_ = static_cast<char*>(fitting);
  }
  memory_.Return(capacity_ - used_);
  capacity_ = 0;  // the rest stays taken
  std::shared_ptr<char> owner(std::exchange(buffer_, nullptr), FreeDeleter());
  const absl::string_view bytes(owner.get(), used_);
  return BytesInMemory(name_, place_, bytes, std::move(owner));
}

}  // namespace flowgrad
