#include "base/memory.h"

#include <malloc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <new>

#include "absl/strings/str_cat.h"

namespace flowgrad {
namespace {

constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();

// The first number in a file; kNoLimit where there is none, as in "max".
int64_t NumberIn(const char* path) {
  std::ifstream file(path);
  int64_t number;
  return file >> number && number > 0 ? number : kNoLimit;
}

// Where a container sees its own control group.
int64_t MemoryOfControlGroup() {
  static const int64_t memory = std::min(NumberIn("/sys/fs/cgroup/memory.max"),
                                         NumberIn("/sys/fs/cgroup/memory/memory.limit_in_bytes"));
  return memory;
}

int64_t AddressSpace() {
  rlimit limit;
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return kNoLimit;
  return static_cast<int64_t>(std::min<rlim_t>(limit.rlim_cur, kNoLimit));
}

// What is left of a limited address space.
int64_t FreeAddressSpace() {
  const int64_t all = AddressSpace();
  if (all == kNoLimit) return kNoLimit;
  const int64_t pages = NumberIn("/proc/self/statm");
  if (pages == kNoLimit) return all;
  return std::max<int64_t>(0, all - pages * sysconf(_SC_PAGESIZE));
}

}  // namespace

int64_t MemoryOfMachine() {
  static const int64_t memory = int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
  return memory;
}

int64_t MemoryOfProcess() {
  return std::min({MemoryOfMachine(), MemoryOfControlGroup(), AddressSpace()});
}

void FreeAligned::operator()(std::byte* memory) const {
  ::operator delete(memory, std::align_val_t(alignment));
}

AlignedBytes AllocateAligned(int64_t bytes) {
  constexpr std::size_t kLine = 64, kHugePage = std::size_t{2} << 20;
  const auto size = static_cast<std::size_t>(bytes);
  const std::size_t alignment = size < kHugePage ? kLine : kHugePage;
  AlignedBytes memory(
      static_cast<std::byte*>(::operator new(size, std::align_val_t(alignment), std::nothrow)),
      FreeAligned{alignment});
  // Whole pages only: no more memory than was asked for. Where there are none, small ones do.
  if (memory != nullptr && size >= kHugePage) {
    madvise(memory.get(), size / kHugePage * kHugePage, MADV_HUGEPAGE);
  }
  return memory;
}

void ReturnFreeMemory() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

absl::Status CheckFitsMemory(absl::string_view what, int64_t bytes) {
  if (bytes > MemoryOfMachine()) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, " takes ", bytes, " bytes, more than this machine's memory"));
  }
  const int64_t left = std::min(MemoryOfControlGroup(), FreeAddressSpace());
  if (bytes <= left) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(what, " takes ", bytes, " bytes, more than the ",
                                                 left, " that this process may still have"));
}

}  // namespace flowgrad
