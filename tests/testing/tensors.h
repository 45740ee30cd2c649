// Tensors for tests: drawn at random, compared, printed.

#ifndef FLOWGRAD_TESTS_TESTING_TENSORS_H_
#define FLOWGRAD_TESTS_TESTING_TENSORS_H_

#include <cstdint>
#include <random>
#include <string>

#include "ops/tensor.h"

namespace flowgrad {

// The same numbers from a seed with every standard library.
class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  double Uniform(double low, double high) {
    return low + (high - low) * (static_cast<double>(engine_() >> 11) * 0x1p-53);
  }
  // From low to high, both included.
  int64_t Int(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(engine_() % static_cast<uint64_t>(high - low + 1));
  }
  bool Chance(double probability) { return Uniform(0, 1) < probability; }
  template <class List>
  const auto& Pick(const List& list) {
    return list[Int(0, static_cast<int64_t>(list.size()) - 1)];
  }
  template <class List>
  void Shuffle(List& list) {
    for (size_t i = list.size(); i > 1; --i) std::swap(list[i - 1], list[Int(0, i - 1)]);
  }

 private:
  std::mt19937_64 engine_;
};

// Numbers between low and high; of a float tensor and a double one the same.
Tensor RandomTensor(DType dtype, absl::Span<const int64_t> dims, double low, double high,
                    Random& random);

// `float[2,2]{1,2,3,4}`, with at most 16 elements.
std::string TensorText(const Tensor& tensor);

// What differs between two tensors in dtype, dims or the bits of an element: "" if nothing.
std::string BitDifference(const Tensor& actual, const Tensor& expected);

// The same for elements that may differ by `relative` times the larger of their size and `floor`
// times the largest size there is. NaN equals NaN. The dtypes may be float and double.
std::string Difference(const Tensor& actual, const Tensor& expected, double relative, double floor);

// Calls f(i, offset) for each element i, in row-major order, of a tensor of these dims and strides.
template <class F>
void ForEachElement(const Dims& dims, const Dims& strides, F f) {
  const int64_t count = NumElements(dims);
  for (int64_t i = 0; i < count; ++i) {
    int64_t rest = i, offset = 0;
    for (int d = static_cast<int>(dims.size()) - 1; d >= 0; --d) {
      offset += rest % dims[d] * strides[d];
      rest /= dims[d];
    }
    f(i, offset);
  }
}

}  // namespace flowgrad

#endif  // FLOWGRAD_TESTS_TESTING_TENSORS_H_
