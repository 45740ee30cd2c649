#include "base/memory.h"

#include <malloc.h>
#include <sanitizer/asan_interface.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <new>

#include "absl/strings/str_cat.h"

namespace flowgrad {
namespace {

constexpr int64_t kLine = 64, kHugePage = int64_t{2} << 20;

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

// At least, so that the next part begins at a line.
int64_t WithALineBehind(int64_t part) { return AddBytes(part - part % kLine, kLine); }

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
  const auto size = static_cast<std::size_t>(bytes);
  const auto alignment = static_cast<std::size_t>(bytes < kHugePage ? kLine : kHugePage);
  AlignedBytes memory(
      static_cast<std::byte*>(::operator new(size, std::align_val_t(alignment), std::nothrow)),
      FreeAligned{alignment});
  // Whole pages only: no more memory than was asked for. Where there are none, small ones do.
  if (memory != nullptr && bytes >= kHugePage) {
    madvise(memory.get(), size - size % kHugePage, MADV_HUGEPAGE);
  }
  return memory;
}

int64_t BytesTogether(absl::Span<const int64_t> bytes) {
  int64_t all = 0;
  for (const int64_t part : bytes) all = AddBytes(all, WithALineBehind(part));
  // The rest lies in a huge page of its own where it fills half of it.
  const int64_t rest = all % kHugePage;
  return rest < kHugePage / 2 ? all : AddBytes(all, kHugePage - rest);
}

std::vector<std::shared_ptr<std::byte>> AllocateTogether(absl::Span<const int64_t> bytes) {
  std::vector<std::shared_ptr<std::byte>> parts(bytes.size());
  const std::shared_ptr<std::byte> block = AllocateAligned(BytesTogether(bytes));
  if (block == nullptr) return parts;
  std::byte* next = block.get();
  for (size_t i = 0; i < parts.size(); ++i) {
    parts[i] = std::shared_ptr<std::byte>(block, next);
    ASAN_POISON_MEMORY_REGION(next + bytes[i], WithALineBehind(bytes[i]) - bytes[i]);
    next += WithALineBehind(bytes[i]);
  }
  return parts;
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
