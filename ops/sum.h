// The one definition of a sum.
//
// Note [What a sum is]
// Floating-point addition is not associative, so a sum is defined by its order, and the order by
// index alone:
//
//   innermost summed axes, merged  64 lanes by index mod 64, within chunks of 4,096 elements;
//                                  lanes joined by halving: lane i takes lane i+32, then i+16, ...
//   other summed axes, merged      one row after the other, within chunks of 32 rows
//   chunks                         joined by a binary tree over their numbers, left half a power
//                                  of two
//
// A cut at a multiple of chunk·2^j is a subtree, so parts may be summed alone and joined by
// TreeJoin.

#ifndef FLOWGRAD_OPS_SUM_H_
#define FLOWGRAD_OPS_SUM_H_

#include <algorithm>
#include <cstdint>

namespace flowgrad {

inline constexpr int64_t kLaneChunk = 4096;
inline constexpr int64_t kRowChunk = 32;

// Joins partial results, given in order, by the binary tree.
template <class T>
class TreeJoin {
 public:
  void Add(T partial) {
    for (int64_t bits = count_++; bits & 1; bits >>= 1) partial = levels_[--depth_] + partial;
    levels_[depth_++] = partial;
  }
  T Result() const {  // zero if nothing was added
    if (depth_ == 0) return T{};
    T sum = levels_[depth_ - 1];
    for (int d = depth_ - 2; d >= 0; --d) sum = levels_[d] + sum;
    return sum;
  }

 private:
  T levels_[64];
  int depth_ = 0;
  int64_t count_ = 0;
};

// Lanes joined by halving. Every step has an array of its own, so that all stay in registers.
template <int kCount, class T>
[[gnu::always_inline]] inline T HalvedSum(const T* lanes) {
  if constexpr (kCount == 1) {
    return lanes[0];
  } else {
    T half[kCount / 2];
    for (int j = 0; j < kCount / 2; ++j) half[j] = lanes[j] + lanes[j + kCount / 2];
    return HalvedSum<kCount / 2>(half);
  }
}

// Sum of at most kLaneChunk elements that lie one after the other.
template <class T>
[[gnu::always_inline]] inline T ChunkSum(const T* x, int64_t n) {
  constexpr int kLanes = 64;
  T lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int j = 0; j < kLanes; ++j) lanes[j] += x[i + j];
  }
  for (int j = 0; i + j < n; ++j) lanes[j] += x[i + j];
  return HalvedSum<kLanes>(lanes);
}

template <class T>
T SumOfChunks(const T* x, int64_t n, int64_t stride) {
  TreeJoin<T> join;
  for (int64_t begin = 0; begin < n; begin += kLaneChunk) {
    const int64_t count = std::min(kLaneChunk, n - begin);
    if (stride == 1) {
      join.Add(ChunkSum(x + begin, count));
      continue;
    }
    T chunk[kLaneChunk];
    for (int64_t i = 0; i < count; ++i) chunk[i] = x[(begin + i) * stride];
    join.Add(ChunkSum(chunk, count));
  }
  return join.Result();
}

// Sum along the innermost axis: n elements, `stride` apart.
template <class T>
[[gnu::always_inline]] inline T LaneSum(const T* x, int64_t n, int64_t stride = 1) {
  if (stride == 1 && n <= kLaneChunk) return ChunkSum(x, n);
  return SumOfChunks(x, n, stride);
}

}  // namespace flowgrad

#endif  // FLOWGRAD_OPS_SUM_H_
