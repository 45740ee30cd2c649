#include "training/gzip.h"

#include <algorithm>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "zlib.h"

namespace flowgrad {
namespace {

// zlib counts in 32 bits.
constexpr size_t kMostBytesPerCall = size_t{1} << 30;

// Appends to `unpacked` until the end of the data, an error, or one byte over the limit; returns
// zlib's last code.
int InflateAll(z_stream& stream, absl::string_view& bytes, size_t max_bytes,
               std::string& unpacked) {
  constexpr size_t kFirstBytes = 64 << 10;
  int code = Z_OK;
  size_t used = 0;
  while (code == Z_OK && used <= max_bytes) {
    if (used == unpacked.size()) {
      unpacked.resize(std::min(std::max(2 * used, kFirstBytes), max_bytes + 1));
    }
    const size_t in = std::min(bytes.size(), kMostBytesPerCall);
    const size_t out = std::min(unpacked.size() - used, kMostBytesPerCall);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(in);
    stream.next_out = reinterpret_cast<Bytef*>(unpacked.data() + used);
    stream.avail_out = static_cast<uInt>(out);
    code = inflate(&stream, Z_NO_FLUSH);
    bytes.remove_prefix(in - stream.avail_in);
    used += out - stream.avail_out;
  }
  unpacked.resize(used);
  return code;
}

}  // namespace

bool IsGzip(absl::string_view bytes) { return absl::StartsWith(bytes, "\x1f\x8b"); }

absl::StatusOr<std::string> Unzip(absl::string_view bytes, int64_t max_bytes) {
  constexpr int kGzip = 15 + 16;  // the largest window, and gzip's header and checksum
  z_stream stream = {};
  if (inflateInit2(&stream, kGzip) != Z_OK) {
    return absl::ResourceExhaustedError("too little memory to unpack gzip data");
  }
  const absl::Cleanup end = [&stream] { inflateEnd(&stream); };
  std::string unpacked;
  const int code = InflateAll(stream, bytes, max_bytes, unpacked);
  if (unpacked.size() > static_cast<size_t>(max_bytes)) {
    return absl::InvalidArgumentError(
        absl::StrCat("must unpack to at most ", max_bytes, " bytes, but has more"));
  }
  if (code == Z_BUF_ERROR) return absl::DataLossError("gzip data is cut off");
  if (code != Z_STREAM_END) {
    return absl::DataLossError(
        absl::StrCat("gzip data is damaged: ", stream.msg != nullptr ? stream.msg : zError(code)));
  }
  if (!bytes.empty()) {
    return absl::DataLossError(
        absl::StrCat("gzip data is followed by ", bytes.size(), " bytes of something else"));
  }
  return unpacked;
}

}  // namespace flowgrad
