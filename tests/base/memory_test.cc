#include "base/memory.h"

#include <sanitizer/asan_interface.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace flowgrad {
namespace {

constexpr int64_t kHugePage = int64_t{2} << 20;

bool IsAligned(const AlignedBytes& memory, int64_t alignment) {
  return reinterpret_cast<uintptr_t>(memory.get()) % static_cast<uintptr_t>(alignment) == 0;
}

// Whether the system was asked for huge pages where `address` is: "hg" among the flags of its
// range.
bool MayBeHuge(const void* address) {
  const auto wanted = reinterpret_cast<uintptr_t>(address);
  std::ifstream ranges("/proc/self/smaps");
  bool inside = false;
  for (std::string line; std::getline(ranges, line);) {
    unsigned long begin, end;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &begin, &end) == 2) {
      inside = begin <= wanted && wanted < end;
    } else if (inside && line.rfind("VmFlags:", 0) == 0) {
      return line.find(" hg") != std::string::npos;
    }
  }
  return false;
}

TEST(MemoryTest, IsAlignedToCacheLinesAndLargeBlocksToHugePages) {
  for (const int64_t bytes :
       {int64_t{0}, int64_t{1}, int64_t{100}, kHugePage - 1, kHugePage, 2 * kHugePage + 100}) {
    const AlignedBytes memory = AllocateAligned(bytes);
    ASSERT_NE(memory, nullptr) << bytes;
    EXPECT_TRUE(IsAligned(memory, bytes < kHugePage ? 64 : kHugePage)) << bytes;
  }
}

TEST(MemoryTest, LargeBlocksAreWholeHugePagesAndARest) {
  if (!std::ifstream("/sys/kernel/mm/transparent_hugepage/enabled")) {
    GTEST_SKIP() << "this system has no huge pages";
  }
  const AlignedBytes memory = AllocateAligned(2 * kHugePage + 100);
  ASSERT_NE(memory, nullptr);
  EXPECT_TRUE(MayBeHuge(memory.get()));
  EXPECT_TRUE(MayBeHuge(memory.get() + 2 * kHugePage - 1));
  EXPECT_FALSE(MayBeHuge(memory.get() + 2 * kHugePage)) << "more memory than was asked for";
}

TEST(MemoryTest, PartsLieOneBehindTheOtherEachAtALine) {
  std::vector<std::shared_ptr<std::byte>> parts = AllocateTogether({100, 0, 64, 1000});
  ASSERT_EQ(parts.size(), 4);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(parts[0].get()) % 64, 0);
  EXPECT_EQ(parts[1].get() - parts[0].get(), 128);
  EXPECT_EQ(parts[2].get() - parts[1].get(), 64);
  EXPECT_EQ(parts[3].get() - parts[2].get(), 128);
#ifdef __SANITIZE_ADDRESS__
  EXPECT_FALSE(__asan_address_is_poisoned(parts[0].get() + 99));
  EXPECT_TRUE(__asan_address_is_poisoned(parts[0].get() + 100));
  EXPECT_TRUE(__asan_address_is_poisoned(parts[2].get() + 64));
#endif
  std::fill_n(parts[3].get(), 1000, std::byte{7});
  parts.erase(parts.begin(), parts.begin() + 3);
  EXPECT_EQ(std::count(parts[0].get(), parts[0].get() + 1000, std::byte{7}), 1000)
      << "the last keeps what they share";
}

TEST(MemoryTest, PartsShareHugePagesWhoseLastIsHalfFullAtLeast) {
  if (!std::ifstream("/sys/kernel/mm/transparent_hugepage/enabled")) {
    GTEST_SKIP() << "this system has no huge pages";
  }
  constexpr int64_t kQuarter = kHugePage / 4;
  const auto half = AllocateTogether({kQuarter, kQuarter});
  EXPECT_TRUE(MayBeHuge(half[0].get()));
  EXPECT_TRUE(MayBeHuge(half[1].get() + kQuarter - 1));
  const auto less = AllocateTogether({kHugePage - kQuarter, kQuarter, kQuarter});
  EXPECT_TRUE(MayBeHuge(less[0].get()));
  EXPECT_FALSE(MayBeHuge(less[2].get() + kQuarter - 1)) << "hardly more than was asked for";
}

TEST(MemoryTest, GivesNothingWhereThereIsTooLittle) {
  EXPECT_EQ(AllocateAligned(int64_t{1} << 60), nullptr);
  constexpr int64_t kLargest = std::numeric_limits<int64_t>::max();
  for (const int64_t part : {int64_t{1} << 60, kLargest}) {
    const std::vector<std::shared_ptr<std::byte>> parts = AllocateTogether({1, part, part});
    EXPECT_EQ(parts, std::vector<std::shared_ptr<std::byte>>(3));
  }
}

TEST(MemoryTest, SumsStopAtTheLargestNumber) {
  constexpr int64_t kLargest = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(AddBytes(3, 4), 7);
  EXPECT_EQ(AddBytes(kLargest, 1), kLargest);
  EXPECT_EQ(AddBytes(kLargest - 1, 1), kLargest);
}

}  // namespace
}  // namespace flowgrad
