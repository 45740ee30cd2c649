// The largest or smallest of many elements.
//
// Note [What an extreme is] NaN wins over every number, as in NumPy, and a zero comes out as +0. So
// the result does not depend on the order in which elements are looked at (but for which NaN it
// is).

#ifndef FLOWGRAD_OPS_EXTREME_H_
#define FLOWGRAD_OPS_EXTREME_H_

#include <cstdint>
#include <limits>
#include <type_traits>

namespace flowgrad {

template <class T>
bool IsNan(T x) {
  if constexpr (std::is_floating_point_v<T>) return x != x;
  return false;
}

// Whether `a` is before `b` in the order of descending values, NaN first.
struct Largest {
  template <class T>
  static constexpr T Identity() {
    using Limits = std::numeric_limits<T>;
    if constexpr (Limits::has_infinity) return -Limits::infinity();
    return Limits::lowest();
  }
  template <class T>
  static bool Before(T a, T b) {
    return a > b || (IsNan(a) && !IsNan(b));
  }
  template <class T>
  static T Of(T a, T b) {
    return b > a || IsNan(b) ? b : a;
  }
};

// The same for ascending values; NaN counts as larger than every number when elements are put in
// order, and still wins as an extreme.
struct Smallest {
  template <class T>
  static constexpr T Identity() {
    using Limits = std::numeric_limits<T>;
    if constexpr (Limits::has_infinity) return Limits::infinity();
    return Limits::max();
  }
  template <class T>
  static bool Before(T a, T b) {
    return a < b || (IsNan(b) && !IsNan(a));
  }
  template <class T>
  static T Of(T a, T b) {
    return b < a || IsNan(b) ? b : a;
  }
};

// Lanes joined by halving.
template <class Extreme, int kCount, class T>
[[gnu::always_inline]] inline T HalvedExtreme(const T* lanes) {
  if constexpr (kCount == 1) {
    return lanes[0];
  } else {
    T half[kCount / 2];
    for (int j = 0; j < kCount / 2; ++j) half[j] = Extreme::Of(lanes[j], lanes[j + kCount / 2]);
    return HalvedExtreme<Extreme, kCount / 2>(half);
  }
}

// Largest or smallest of n elements, `stride` apart; Identity() of none.
template <class Extreme, class T>
[[gnu::always_inline]] inline T ExtremeOf(const T* x, int64_t n, int64_t stride = 1) {
  constexpr int kLanes = 32;
  T lanes[kLanes];
  for (int j = 0; j < kLanes; ++j) lanes[j] = Extreme::template Identity<T>();
  int64_t i = 0;
  if (stride == 1 && n >= kLanes) {
    for (; i + kLanes <= n; i += kLanes) {
      for (int j = 0; j < kLanes; ++j) lanes[j] = Extreme::Of(lanes[j], x[i + j]);
    }
    lanes[0] = HalvedExtreme<Extreme, kLanes>(lanes);
  }
  for (; i < n; ++i) lanes[0] = Extreme::Of(lanes[0], x[i * stride]);
  return static_cast<T>(lanes[0] + T(0));
}

}  // namespace flowgrad

#endif  // FLOWGRAD_OPS_EXTREME_H_
