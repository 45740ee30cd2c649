// Whether a tensor has only finite numbers.

#ifndef FLOWGRAD_TRAINING_FINITE_H_
#define FLOWGRAD_TRAINING_FINITE_H_

#include <cmath>
#include <cstdint>

#include "ops/tensor.h"

namespace flowgrad {

namespace internal {

template <class T>
int64_t FirstNotFinite(const Tensor& tensor) {
  const T* const values = tensor.data<T>();
  const int64_t count = tensor.num_elements();
  for (int64_t i = 0; i < count; ++i) {
    if (!std::isfinite(values[i])) return i;
  }
  return -1;
}

}  // namespace internal

// The first element that is NaN or an infinity, -1 if there is none. REQUIRES: contiguous
inline int64_t FirstNotFinite(const Tensor& tensor) {
  return tensor.dtype() == DType::kFloat    ? internal::FirstNotFinite<float>(tensor)
         : tensor.dtype() == DType::kDouble ? internal::FirstNotFinite<double>(tensor)
                                            : -1;
}

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_FINITE_H_
