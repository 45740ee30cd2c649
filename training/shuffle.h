// The order of samples in an epoch: a permutation that is computed, not stored.
//
// Place k of epoch e holds sample Permuted(k): a Feistel network of four rounds over the next power
// of four, whose round function is Philox keyed by (seed, "shuffle", epoch), walked until it lands
// inside (Black and Rogaway 2002). Resuming needs the epoch and the place, nothing else.

#ifndef FLOWGRAD_TRAINING_SHUFFLE_H_
#define FLOWGRAD_TRAINING_SHUFFLE_H_

#include <cstdint>

#include "ops/philox.h"
#include "ops/run_op.h"

namespace flowgrad {

class Shuffle {
 public:
  // REQUIRES: 0 < size < 2^62
  Shuffle(int64_t size, uint64_t seed, int64_t epoch)
      : size_(size), epoch_(epoch), philox_(seed, StreamOf("shuffle")) {
    while ((int64_t{1} << (2 * half_bits_)) < size) ++half_bits_;
  }

  // The sample at place k. REQUIRES: 0 <= k < size
  int64_t Permuted(int64_t k) const {
    do {
      k = Encrypted(k);
    } while (k >= size_);
    return k;
  }

 private:
  int64_t Encrypted(int64_t k) const {
    const int64_t mask = (int64_t{1} << half_bits_) - 1;
    int64_t left = k >> half_bits_, right = k & mask;
    for (int64_t round = 0; round < 4; ++round) {
      const int64_t mixed = left ^ (philox_.Word(epoch_, round, right) & mask);
      left = right;
      right = mixed;
    }
    return left << half_bits_ | right;
  }

  int64_t size_, epoch_;
  int half_bits_ = 1;
  Philox philox_;
};

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_SHUFFLE_H_
