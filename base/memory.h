// How much memory a process may have, for messages that come before it runs out.

#ifndef FLOWGRAD_BASE_MEMORY_H_
#define FLOWGRAD_BASE_MEMORY_H_

#include <algorithm>
#include <cstdint>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace flowgrad {

// The sum, or the largest number where that is larger. REQUIRES: both are from 0 on
constexpr int64_t AddBytes(int64_t a, int64_t b) {
  return a + std::min(b, std::numeric_limits<int64_t>::max() - a);
}

int64_t MemoryOfMachine();
// The least of the machine's memory, the process's address space (ulimit -v) and, within a
// container, that of its control group.
int64_t MemoryOfProcess();

// Gives what was freed, and is kept for the next who asks, back to the system.
void ReturnFreeMemory();

// InvalidArgument if `bytes` are more than the process may have, beside what it has: `what` "takes
// 4000000000000 bytes, more than this machine's memory".
absl::Status CheckFitsMemory(absl::string_view what, int64_t bytes);

}  // namespace flowgrad

#endif  // FLOWGRAD_BASE_MEMORY_H_
