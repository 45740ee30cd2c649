// The floating-point mode that results depend on: rounding to nearest, denormals kept, no traps.

#ifndef FLOWGRAD_SCHEDULER_FLOAT_MODE_H_
#define FLOWGRAD_SCHEDULER_FLOAT_MODE_H_

#include <xmmintrin.h>

namespace flowgrad {

// Sets the mode on this thread, and puts the caller's back at its end: a host may have set
// flush-to-zero, and our results may not depend on it.
class [[nodiscard]] FloatMode {
 public:
  FloatMode() : caller_(_mm_getcsr()) {
    if ((caller_ & ~kFlags) != kMode) _mm_setcsr(kMode);
  }
  ~FloatMode() {
    if ((caller_ & ~kFlags) != kMode) _mm_setcsr(caller_);
  }
  FloatMode(const FloatMode&) = delete;
  FloatMode& operator=(const FloatMode&) = delete;

 private:
  static constexpr unsigned kMode = 0x1f80;  // as a program starts: all exceptions masked
  static constexpr unsigned kFlags = 0x3f;   // exceptions seen so far
  const unsigned caller_;
};

}  // namespace flowgrad

#endif  // FLOWGRAD_SCHEDULER_FLOAT_MODE_H_
