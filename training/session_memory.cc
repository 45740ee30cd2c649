#include "training/session_memory.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/text.h"

namespace flowgrad {
namespace {

// Bytes from the first to past the last that a tensor looks at.
struct Range {
  uintptr_t begin = 0, end = 0;
};

Range RangeOf(const Tensor& tensor) {
  if (!tensor.present() || tensor.num_elements() == 0) return {};
  int64_t first = 0, last = 0;  // in elements
  for (int d = 0; d < tensor.rank(); ++d) {
    const int64_t reach = (tensor.dims()[d] - 1) * tensor.strides()[d];
    (reach < 0 ? first : last) += reach;
  }
  const auto data = reinterpret_cast<uintptr_t>(tensor.bytes());
  const int64_t size = DTypeSize(tensor.dtype());
  return {data + first * size, data + (last + 1) * size};
}

bool Overlap(const Tensor& a, const Tensor& b) {
  const Range x = RangeOf(a), y = RangeOf(b);
  return x.begin < y.end && y.begin < x.end;
}

bool IsAligned(const Tensor& tensor) {
  return !tensor.present() || tensor.num_elements() == 0 ||
         reinterpret_cast<uintptr_t>(tensor.bytes()) % DTypeSize(tensor.dtype()) == 0;
}

std::string InputText(const std::string& name) { return absl::StrCat("input ", Quoted(name)); }

std::string OutputText(const std::string& name) {
  return absl::StrCat("the tensor for ", Quoted(name));
}

absl::Status NotAligned(const std::string& what, const Tensor& tensor) {
  return absl::InvalidArgumentError(
      absl::StrCat(what, " must be aligned to ", DTypeSize(tensor.dtype()), " bytes"));
}

absl::Status Shared(const std::string& a, const std::string& b) {
  return absl::InvalidArgumentError(absl::StrCat(a, " shares memory with ", b));
}

}  // namespace

absl::Status CheckMemory(const TensorMap& feeds, const std::vector<std::string>& fetches,
                         absl::Span<const Tensor> outputs) {
  for (const auto& [name, tensor] : feeds) {
    if (!IsAligned(tensor)) return NotAligned(InputText(name), tensor);
  }
  for (size_t i = 0; i < std::min(fetches.size(), outputs.size()); ++i) {
    if (!IsAligned(outputs[i])) return NotAligned(OutputText(fetches[i]), outputs[i]);
    for (const auto& [name, tensor] : feeds) {
      if (Overlap(outputs[i], tensor)) return Shared(OutputText(fetches[i]), InputText(name));
    }
    for (size_t j = 0; j < i; ++j) {
      if (!Overlap(outputs[i], outputs[j])) continue;
      return Shared(OutputText(fetches[i]), OutputText(fetches[j]));
    }
  }
  return absl::OkStatus();
}

}  // namespace flowgrad
