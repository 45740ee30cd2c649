// Memory that is fetched while something else is computed.
//
// A product reads little memory for much arithmetic; what follows it in a task, the update of a
// weight above all, does little arithmetic on much memory. So a product asks for what will be
// touched after it, a few cache lines at a time between its multiply-adds, and finds room for that
// in the time of its arithmetic. No bit depends on it.

#ifndef FLOWGRAD_OPS_FETCH_AHEAD_H_
#define FLOWGRAD_OPS_FETCH_AHEAD_H_

#include <cstddef>
#include <cstdint>

namespace flowgrad {

inline constexpr int64_t kCacheLine = 64;

// Neighbours in memory. `first` need not be the start of a line. Lines that will be written are
// taken from the other cores at once: a line that was fetched to be read waits for that at its
// first store.
struct CacheLines {
  const std::byte* first;
  int64_t count;
  bool to_write = false;
};

// What is left to fetch. Plain data: it is used in code for one instruction set only.
struct FetchAhead {
  const CacheLines* run = nullptr;  // the next to begin
  const CacheLines* end = nullptr;  // past the last
  CacheLines begun = {nullptr, 0, false};
};

}  // namespace flowgrad

#endif  // FLOWGRAD_OPS_FETCH_AHEAD_H_
