// Scalars for TensorBoard: an event file, one record a value.

#include "training/event_file.h"

#include <fcntl.h>
#include <isa-l/crc.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/file.h"
#include "base/file_system.h"
#include "base/folder.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "proto/tensorboard.pb.h"

namespace flowgrad {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are written as they are");

// The mask of TFRecord: data that holds checksums has a checksum unlike them.
uint32_t MaskedCrc32c(absl::string_view data) {
  // The library does not write what it reads, though its type says so.
  auto* bytes = reinterpret_cast<unsigned char*>(const_cast<char*>(data.data()));
  const uint32_t crc = ~crc32_iscsi(bytes, static_cast<int>(data.size()), ~uint32_t{0});
  return std::rotr(crc, 15) + 0xA282EAD8u;
}

template <class T>
absl::string_view BytesOf(const T& number) {
  return absl::string_view(reinterpret_cast<const char*>(&number), sizeof(number));
}

// The name of this machine; what does not belong into a file's name is "-".
std::string Host() {
  char name[256] = {};
  if (gethostname(name, sizeof(name) - 1) != 0 || name[0] == '\0') return "localhost";
  std::string host(name);
  for (char& c : host) {
    if (!absl::ascii_isalnum(c) && c != '.' && c != '_') c = '-';
  }
  return host;
}

}  // namespace

absl::StatusOr<EventFile> EventFile::Open(absl::string_view folder) {
  if (folder.empty() || folder.find('\0') != folder.npos) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the name of a folder must not be empty or have a NUL byte, but is ", Quoted(folder)));
  }
  RETURN_IF_ERROR(MakeFolders(folder));
  const absl::Time now = absl::Now();
  const std::string first =
      absl::StrFormat("%s/events.out.tfevents.%010d.%s", folder, absl::ToUnixSeconds(now), Host());
  std::string path = first;
  int fd = -1;
  // Two runs may begin in the same second.
  for (int i = 1; i < 1000; ++i) {
    fd = Files().Open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
    if (fd >= 0 || errno != EEXIST) break;
    path = absl::StrCat(first, ".", i);
  }
  if (fd < 0) return SystemError(path, "cannot make the file", errno);
  EventFile file(std::move(path), fd);
  tensorboard::Event version;
  version.set_wall_time(absl::ToDoubleSeconds(now - absl::UnixEpoch()));
  version.set_file_version("brain.Event:2");
  RETURN_IF_ERROR(file.Append(version.SerializeAsString()));
  return file;
}

EventFile::EventFile(EventFile&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), size_(other.size_) {}

EventFile::~EventFile() {
  if (fd_ >= 0) Files().Close(fd_);
}

absl::Status EventFile::Add(int64_t step, absl::string_view name, double value, double wall_time) {
  tensorboard::Event event;
  event.set_wall_time(wall_time);
  event.set_step(step);
  tensorboard::Summary::Value& added = *event.mutable_summary()->add_value();
  added.set_tag(IsUtf8(name) ? std::string(name) : Escaped(name));
  added.set_simple_value(static_cast<float>(value));
  return Append(event.SerializeAsString());
}

absl::Status EventFile::Append(absl::string_view data) {
  const uint64_t length = data.size();
  const uint32_t length_crc = MaskedCrc32c(BytesOf(length)), data_crc = MaskedCrc32c(data);
  const std::string record =
      absl::StrCat(BytesOf(length), BytesOf(length_crc), data, BytesOf(data_crc));
  if (const absl::Status status = WriteAll(fd_, record, path_); !status.ok()) {
    // TensorBoard reads no further than a record that is not whole.
    if (Files().Truncate(fd_, size_) == 0) return status;
    return SystemError(path_, "cannot take back a record", errno);
  }
  size_ += static_cast<int64_t>(record.size());
  return absl::OkStatus();
}

absl::Status EventFile::Flush() {
  if (Files().Sync(fd_) != 0) return SystemError(path_, "cannot flush to the disk", errno);
  return absl::OkStatus();
}

}  // namespace flowgrad
