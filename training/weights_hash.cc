#include "training/weights_hash.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include "base/checksum.h"

namespace flowgrad {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are hashed as they are");

void AddText(absl::string_view text, Checksum& sum) {
  sum.Add(text);
  sum.Add("", 1);
}

void AddNumber(int64_t number, Checksum& sum) { sum.Add(&number, sizeof(number)); }

}  // namespace

std::string WeightsHash(absl::Span<const NamedTensor> tensors) {
  std::vector<const NamedTensor*> order;
  for (const NamedTensor& tensor : tensors) order.push_back(&tensor);
  std::sort(order.begin(), order.end(),
            [](const NamedTensor* a, const NamedTensor* b) { return a->first < b->first; });
  Checksum sum;
  for (const NamedTensor* named : order) {
    const Tensor tensor = named->second.Contiguous();
    AddText(named->first, sum);
    AddText(DTypeName(tensor.dtype()), sum);
    AddNumber(tensor.rank(), sum);
    for (const int64_t dim : tensor.dims()) AddNumber(dim, sum);
    sum.Add(tensor.bytes(), tensor.num_bytes());
  }
  return sum.HexDigits();
}

}  // namespace flowgrad
