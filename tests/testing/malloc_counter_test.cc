#include "tests/testing/malloc_counter.h"

#include <malloc.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "oneapi/tbb/cache_aligned_allocator.h"

namespace flowgrad {
namespace {

// Keeps the compiler from leaving out memory that nobody uses.
void Use(void* memory) { asm volatile("" : : "r"(memory) : "memory"); }

int64_t CallsOf(const std::function<void*()>& allocate) {
  const CountMallocs counter;
  void* const memory = allocate();
  const int64_t count = counter.count();
  Use(memory);
  std::free(memory);
  return count;
}

TEST(MallocCounterTest, CountsEveryWayToAskForMemory) {
  EXPECT_EQ(CallsOf([] { return std::malloc(100); }), 1);
  EXPECT_EQ(CallsOf([] { return std::calloc(10, 10); }), 1);
  EXPECT_EQ(CallsOf([] { return std::realloc(nullptr, 100); }), 1);
  EXPECT_EQ(CallsOf([] { return std::aligned_alloc(64, 128); }), 1);
  EXPECT_EQ(CallsOf([] { return memalign(64, 100); }), 1);
  EXPECT_EQ(CallsOf([] {
              void* memory = nullptr;
              EXPECT_EQ(posix_memalign(&memory, 64, 100), 0);
              return memory;
            }),
            1);
}

TEST(MallocCounterTest, CountsOperatorNew) {
  const CountMallocs counter;
  const auto number = std::make_unique<int>(1);
  Use(number.get());
  EXPECT_EQ(counter.count(), 1);
  const std::vector<double> numbers(100);
  EXPECT_EQ(counter.count(), 2);
  struct alignas(128) Wide {
    char bytes[128];
  };
  const auto wide = std::make_unique<Wide>();
  Use(wide.get());
  EXPECT_EQ(counter.count(), 3);
}

TEST(MallocCounterTest, CountsNothingWhereNothingIsAskedFor) {
  std::vector<double> numbers;
  numbers.reserve(100);
  const CountMallocs counter;
  for (int i = 0; i < 100; ++i) numbers.push_back(i);
  EXPECT_EQ(counter.count(), 0);
  Use(numbers.data());
}

TEST(MallocCounterTest, DoesNotCountFreeing) {
  void* const memory = std::malloc(100);
  Use(memory);
  const CountMallocs counter;
  std::free(memory);
  EXPECT_EQ(counter.count(), 0);
}

TEST(MallocCounterTest, CountsCallsOfAnotherThread) {
  std::atomic<bool> go = false, done = false;
  std::thread thread([&] {
    while (!go) std::this_thread::yield();
    void* const memory = std::malloc(100);
    Use(memory);
    std::free(memory);
    done = true;
  });
  const CountMallocs counter;
  go = true;
  while (!done) std::this_thread::yield();
  EXPECT_EQ(counter.count(), 1);
  thread.join();
}

TEST(MallocCounterTest, CountsCallsInsideGlibc) {
  const CountMallocs counter;
  ASSERT_EQ(setenv("FLOWGRAD_MALLOC_COUNTER_TEST", "1", 1), 0);  // keeps a copy
  EXPECT_GT(counter.count(), 0);
}

TEST(MallocCounterTest, CountsCallsInsideOneTbb) {
  oneapi::tbb::cache_aligned_allocator<char> allocator;
  const CountMallocs counter;
  char* const memory = allocator.allocate(100);
  EXPECT_GE(counter.count(), 1);
  allocator.deallocate(memory, 100);
  std::ifstream maps("/proc/self/maps");
  const std::string text{std::istreambuf_iterator<char>(maps), {}};
  EXPECT_NE(text.find("libtbb.so"), std::string::npos);
  EXPECT_EQ(text.find("tbbmalloc"), std::string::npos);
}

TEST(MallocCounterTest, GivesMemoryAlignedAsAsked) {
  for (size_t alignment = 16; alignment <= 4096; alignment *= 2) {
    void* const memory = std::aligned_alloc(alignment, alignment);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(memory) % alignment, 0u);
    std::free(memory);
  }
  void* memory = nullptr;
  EXPECT_EQ(posix_memalign(&memory, 24, 100), EINVAL);
}

}  // namespace
}  // namespace flowgrad
