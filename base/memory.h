// How much memory the machine has, for messages that come before it runs out.

#ifndef FLOWGRAD_BASE_MEMORY_H_
#define FLOWGRAD_BASE_MEMORY_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace flowgrad {

// InvalidArgument if `bytes` are more than the machine's memory: `what` "takes 4000000000000 bytes,
// more than this machine's memory".
absl::Status CheckFitsMemory(absl::string_view what, int64_t bytes);

}  // namespace flowgrad

#endif  // FLOWGRAD_BASE_MEMORY_H_
