#include "tests/testing/malloc_counter.h"

#include <dlfcn.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstring>

namespace {

std::atomic<int64_t> calls{0};

void CountCall() { calls.fetch_add(1, std::memory_order_relaxed); }

bool IsPowerOfTwo(size_t n) { return n != 0 && (n & (n - 1)) == 0; }

}  // namespace

// A program's own definition of a function wins over that of a shared library, in every library of
// the process. glibc allows it for these and keeps its own under other names. free() and
// malloc_usable_size() remain glibc's, since the memory is.
extern "C" {

void* __libc_malloc(size_t size);                      // NOLINT
void* __libc_calloc(size_t count, size_t size);        // NOLINT
void* __libc_realloc(void* memory, size_t size);       // NOLINT
void* __libc_memalign(size_t alignment, size_t size);  // NOLINT

void* malloc(size_t size) {
  CountCall();
  return __libc_malloc(size);
}

void* calloc(size_t count, size_t size) {
  CountCall();
  return __libc_calloc(count, size);
}

void* realloc(void* memory, size_t size) {
  CountCall();
  return __libc_realloc(memory, size);
}

void* memalign(size_t alignment, size_t size) {
  CountCall();
  return __libc_memalign(alignment, size);
}

void* aligned_alloc(size_t alignment, size_t size) {
  CountCall();
  return __libc_memalign(alignment, size);
}

int posix_memalign(void** memory, size_t alignment, size_t size) {
  CountCall();
  if (!IsPowerOfTwo(alignment) || alignment % sizeof(void*) != 0) return EINVAL;
  void* const found = __libc_memalign(alignment, size);
  if (found == nullptr) return ENOMEM;
  *memory = found;
  return 0;
}

// oneTBB opens libtbbmalloc if it is installed, and then asks the operating system for memory past
// everything above. Where it finds none it uses malloc.
void* dlopen(const char* file, int mode) {
  if (file != nullptr && std::strstr(file, "tbbmalloc") != nullptr) return nullptr;
  using Dlopen = void* (*)(const char*, int);
  static const auto next = reinterpret_cast<Dlopen>(dlsym(RTLD_NEXT, "dlopen"));
  return next(file, mode);
}

}  // extern "C"

namespace flowgrad {

CountMallocs::CountMallocs() : before_(calls.load()) {}

int64_t CountMallocs::count() const { return calls.load() - before_; }

}  // namespace flowgrad
