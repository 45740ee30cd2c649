// Integer arithmetic that is defined for all values: it wraps, and division by zero gives 0.

#ifndef FLOWGRAD_OPS_INTEGER_H_
#define FLOWGRAD_OPS_INTEGER_H_

#include <type_traits>

namespace flowgrad {

// The type to add up T in: integers as unsigned ones, which wrap.
template <class T, bool = std::is_integral_v<T>>
struct WrappingType {
  using Type = T;
};
template <class T>
struct WrappingType<T, true> {
  using Type = std::make_unsigned_t<T>;
};
template <class T>
using Wrapping = typename WrappingType<T>::Type;

// a op b, wrapping for integers, as written for floats.
template <class T>
T WrappingAdd(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    using U = Wrapping<T>;
    return static_cast<T>(static_cast<U>(a) + static_cast<U>(b));
  } else {
    return a + b;
  }
}

template <class T>
T WrappingSub(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    using U = Wrapping<T>;
    return static_cast<T>(static_cast<U>(a) - static_cast<U>(b));
  } else {
    return a - b;
  }
}

template <class T>
T WrappingMul(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    using U = Wrapping<T>;
    return static_cast<T>(static_cast<U>(a) * static_cast<U>(b));
  } else {
    return a * b;
  }
}

template <class T>
T WrappingNeg(T a) {
  if constexpr (std::is_integral_v<T>) {
    return WrappingSub(T(0), a);
  } else {
    return -a;
  }
}

// Integers: towards zero; by 0 gives 0; the smallest number by -1 wraps.
template <class T>
T SafeDiv(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    if (b == 0) return 0;
    if (b == -1) return WrappingNeg(a);
  }
  return a / b;
}

}  // namespace flowgrad

#endif  // FLOWGRAD_OPS_INTEGER_H_
