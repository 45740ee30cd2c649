// Stores that go past the caches.
//
// A store to a cache line that another core has read waits until that core gives up its copy, line
// by line (measured where cores do not share an L3 cache: 27 ns for each). Where nobody will
// read the old line again, a streaming store drops all copies at once (2.3 ns).

#ifndef FLOWGRAD_OPS_STREAM_H_
#define FLOWGRAD_OPS_STREAM_H_

#include <immintrin.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace flowgrad {

// Fewer bytes are not worth it.
inline constexpr int64_t kLeastToStream = 16 << 10;

// Copies to memory that overlaps nothing of `from`. Whole cache lines go past the caches; call
// EndStream() after the last.
inline void StreamCopy(const void* from, int64_t bytes, void* to) {
  constexpr int64_t kLine = 64, kVector = 32;
  const auto* source = static_cast<const std::byte*>(from);
  auto* target = static_cast<std::byte*>(to);
  const auto place = static_cast<int64_t>(reinterpret_cast<uintptr_t>(target) % kLine);
  const int64_t head = std::min((kLine - place) % kLine, bytes);
  std::memcpy(target, source, head);
  int64_t i = head;
  for (; i + kLine <= bytes; i += kLine) {
    for (int64_t j = i; j < i + kLine; j += kVector) {
      _mm256_stream_si256(reinterpret_cast<__m256i*>(target + j),
                          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(source + j)));
    }
  }
  std::memcpy(target + i, source + i, bytes - i);
}

// Makes what was streamed visible to whoever synchronises with this thread afterwards: streaming
// stores do not wait for a release.
inline void EndStream() { _mm_sfence(); }

}  // namespace flowgrad

#endif  // FLOWGRAD_OPS_STREAM_H_
