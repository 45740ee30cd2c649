#include "training/data/byte_stream.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "zlib.h"

namespace flowgrad {
namespace {

constexpr int64_t kGzipBufferBytes = 64 << 10;
constexpr int kGzipWindow = 15 + 16;  // the largest, and gzip's header and checksum

}  // namespace

struct ByteStream::Gzip {
  z_stream stream = {};
  bool started = false;  // inflateInit2() has been called
  bool at_end = false;   // of a member, and there is no other
  char buffer[kGzipBufferBytes];

  ~Gzip() {
    if (started) inflateEnd(&stream);
  }
};

ByteStream::ByteStream(InputFile file) : file_(std::move(file)) {}
ByteStream::ByteStream(ByteStream&&) noexcept = default;
ByteStream::~ByteStream() = default;

absl::StatusOr<ByteStream> ByteStream::Open(InputFile file) {
  ByteStream stream(std::move(file));
  char magic[2] = {};
  RETURN_IF_ERROR(stream.file_.ReadAt(0, magic, std::min<int64_t>(stream.file_.size(), 2)));
  if (magic[0] != '\x1f' || magic[1] != '\x8b') return stream;
  stream.gzip_ = std::make_unique<Gzip>();
  if (inflateInit2(&stream.gzip_->stream, kGzipWindow) != Z_OK) {
    return InFile(stream.path(), absl::ResourceExhaustedError("too little memory to unpack it"));
  }
  stream.gzip_->started = true;
  return stream;
}

absl::StatusOr<int64_t> ByteStream::Read(char* memory, int64_t most) {
  if (gzip_ != nullptr) return ReadGzip(memory, most);
  const int64_t count = std::min(most, file_.size() - offset_);
  if (count == 0) return 0;
  RETURN_IF_ERROR(file_.ReadUnchangedAt(offset_, memory, count));
  offset_ += count;
  return count;
}

absl::Status ByteStream::FillGzip() {
  z_stream& stream = gzip_->stream;
  if (stream.avail_in > 0) return absl::OkStatus();
  const int64_t count = std::min(kGzipBufferBytes, file_.size() - offset_);
  if (count == 0) return absl::OkStatus();
  RETURN_IF_ERROR(file_.ReadUnchangedAt(offset_, gzip_->buffer, count));
  offset_ += count;
  stream.next_in = reinterpret_cast<Bytef*>(gzip_->buffer);
  stream.avail_in = static_cast<uInt>(count);
  return absl::OkStatus();
}

absl::StatusOr<int64_t> ByteStream::ReadGzip(char* memory, int64_t most) {
  z_stream& stream = gzip_->stream;
  const uInt room = static_cast<uInt>(std::min<int64_t>(most, 1 << 30));
  stream.next_out = reinterpret_cast<Bytef*>(memory);
  stream.avail_out = room;
  while (!gzip_->at_end && stream.avail_out == room) {
    RETURN_IF_ERROR(FillGzip());
    const int code = inflate(&stream, Z_NO_FLUSH);
    if (code == Z_BUF_ERROR) {
      return InFile(path(), absl::DataLossError("gzip data is cut off"));
    }
    if (code != Z_OK && code != Z_STREAM_END) {
      return InFile(path(), absl::DataLossError(
                                absl::StrCat("gzip data is damaged: ",
                                             stream.msg != nullptr ? stream.msg : zError(code))));
    }
    if (code == Z_OK) continue;
    // Members may follow each other; the two bytes tell whether one does.
    RETURN_IF_ERROR(FillGzip());
    const int64_t rest = stream.avail_in + file_.size() - offset_;
    if (rest == 0) {
      gzip_->at_end = true;
    } else if (stream.next_in[0] == 0x1f) {
      inflateReset(&stream);
    } else {
      return InFile(path(), absl::DataLossError(absl::StrCat("gzip data is followed by ", rest,
                                                             " bytes of something else")));
    }
  }
  return room - stream.avail_out;
}

absl::Status ByteStream::Rewind() {
  offset_ = 0;
  if (gzip_ == nullptr) return absl::OkStatus();
  gzip_->stream.avail_in = 0;
  gzip_->at_end = false;
  if (inflateReset(&gzip_->stream) == Z_OK) return absl::OkStatus();
  return InFile(path(), absl::InternalError("cannot unpack it again"));
}

}  // namespace flowgrad
