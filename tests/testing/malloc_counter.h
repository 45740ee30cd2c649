// Counts calls for memory: malloc, calloc, realloc, aligned_alloc, posix_memalign, memalign, and
// operator new, which calls them. Of every thread and every library of the process.
//
//   CountMallocs counter;
//   executor.Step();
//   EXPECT_EQ(counter.count(), 0);
//
// A program that depends on this has its own definitions of these functions, which forward to
// glibc's, and its oneTBB does not find tbbmalloc, so that it asks malloc too. Not under
// sanitizers, which bring definitions of their own: give the test the tag "no_sanitizer".

#ifndef FLOWGRAD_TESTS_TESTING_MALLOC_COUNTER_H_
#define FLOWGRAD_TESTS_TESTING_MALLOC_COUNTER_H_

#include <cstdint>

namespace flowgrad {

// Calls since it was made, until it is asked. Threads: any number of counters on any threads.
class CountMallocs {
 public:
  CountMallocs();
  CountMallocs(const CountMallocs&) = delete;
  CountMallocs& operator=(const CountMallocs&) = delete;

  int64_t count() const;

 private:
  int64_t before_;
};

}  // namespace flowgrad

#endif  // FLOWGRAD_TESTS_TESTING_MALLOC_COUNTER_H_
