// Memory for numbers, and how much of it a process may have, for messages that come before it runs
// out.

#ifndef FLOWGRAD_BASE_MEMORY_H_
#define FLOWGRAD_BASE_MEMORY_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace flowgrad {

// The sum, or the largest number where that is larger. REQUIRES: both are from 0 on
constexpr int64_t AddBytes(int64_t a, int64_t b) {
  return a + std::min(b, std::numeric_limits<int64_t>::max() - a);
}

int64_t MemoryOfMachine();
// The least of the machine's memory, the process's address space (ulimit -v) and, within a
// container, that of its control group.
int64_t MemoryOfProcess();

struct FreeAligned {
  void operator()(std::byte* memory) const;
  std::size_t alignment = 64;
};
using AlignedBytes = std::unique_ptr<std::byte, FreeAligned>;

// So many bytes for numbers, aligned to 64; null if there are none left. Large blocks lie in huge
// pages, where the system has them: a step reads more memory than the processor remembers page
// addresses of, of 4 KiB each.
AlignedBytes AllocateAligned(int64_t bytes);

// The same for parts that live about as long and are used together: they share huge pages, though
// each may be smaller than one. A part is null if there is no memory left for all; what they share
// is freed with the last of them. To the address sanitizer each is a block of its own.
std::vector<std::shared_ptr<std::byte>> AllocateTogether(absl::Span<const int64_t> bytes);
// What that takes: the parts, a line behind each, and the rest of the last page.
int64_t BytesTogether(absl::Span<const int64_t> bytes);

// Gives what was freed, and is kept for the next who asks, back to the system.
void ReturnFreeMemory();

// InvalidArgument if `bytes` are more than the process may have, beside what it has: `what` "takes
// 4000000000000 bytes, more than this machine's memory".
absl::Status CheckFitsMemory(absl::string_view what, int64_t bytes);

}  // namespace flowgrad

#endif  // FLOWGRAD_BASE_MEMORY_H_
