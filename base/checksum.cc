#include "base/checksum.h"

#include "absl/strings/str_format.h"
#define XXH_STATIC_LINKING_ONLY  // for a state that is a member
#include "xxhash.h"

namespace flowgrad {

struct Checksum::State {
  XXH3_state_t xxh3;
};

Checksum::Checksum() : state_(std::make_unique<State>()) { XXH3_128bits_reset(&state_->xxh3); }
Checksum::~Checksum() = default;

void Checksum::Add(const void* bytes, size_t count) {
  XXH3_128bits_update(&state_->xxh3, bytes, count);
}

std::string Checksum::HexDigits() const {
  const XXH128_hash_t hash = XXH3_128bits_digest(&state_->xxh3);
  return absl::StrFormat("%016x%016x", hash.high64, hash.low64);
}

std::string ChecksumOf(absl::string_view bytes) {
  Checksum sum;
  sum.Add(bytes);
  return sum.HexDigits();
}

}  // namespace flowgrad
