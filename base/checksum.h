// XXH3 with 128 bits: finds damage, and tells what is the same; no protection against intent.

#ifndef FLOWGRAD_BASE_CHECKSUM_H_
#define FLOWGRAD_BASE_CHECKSUM_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"

namespace flowgrad {

// Of bytes that come piece by piece.
class Checksum {
 public:
  Checksum();
  ~Checksum();

  void Add(const void* bytes, size_t count);
  void Add(absl::string_view bytes) { Add(bytes.data(), bytes.size()); }

  std::string HexDigits() const;  // 32 of them

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string ChecksumOf(absl::string_view bytes);

}  // namespace flowgrad

#endif  // FLOWGRAD_BASE_CHECKSUM_H_
