#include "training/weights_hash.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include "absl/strings/str_format.h"
#define XXH_STATIC_LINKING_ONLY  // for a state on the stack
#include "xxhash.h"

namespace flowgrad {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are hashed as they are");

class Hasher {
 public:
  Hasher() { XXH3_128bits_reset(&state_); }

  void Add(const void* bytes, size_t count) { XXH3_128bits_update(&state_, bytes, count); }
  void AddText(absl::string_view text) {
    Add(text.data(), text.size());
    Add("", 1);
  }
  void AddNumber(int64_t number) { Add(&number, sizeof(number)); }

  std::string HexDigits() const {
    const XXH128_hash_t hash = XXH3_128bits_digest(&state_);
    return absl::StrFormat("%016x%016x", hash.high64, hash.low64);
  }

 private:
  XXH3_state_t state_;
};

}  // namespace

std::string WeightsHash(absl::Span<const NamedTensor> tensors) {
  std::vector<const NamedTensor*> order;
  for (const NamedTensor& tensor : tensors) order.push_back(&tensor);
  std::sort(order.begin(), order.end(),
            [](const NamedTensor* a, const NamedTensor* b) { return a->first < b->first; });
  Hasher hasher;
  for (const NamedTensor* named : order) {
    const Tensor tensor = named->second.Contiguous();
    hasher.AddText(named->first);
    hasher.AddText(DTypeName(tensor.dtype()));
    hasher.AddNumber(tensor.rank());
    for (const int64_t dim : tensor.dims()) hasher.AddNumber(dim);
    hasher.Add(tensor.bytes(), tensor.num_bytes());
  }
  return hasher.HexDigits();
}

}  // namespace flowgrad
