#include "base/memory.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"

namespace flowgrad {

absl::Status CheckFitsMemory(absl::string_view what, int64_t bytes) {
  static const int64_t memory = int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
  if (bytes <= memory) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(what, " takes ", bytes, " bytes, more than this machine's memory"));
}

}  // namespace flowgrad
