// A fingerprint of weights, defined in docs/weights-hash.md: equal weights, and only they, have
// equal hashes.

#ifndef FLOWGRAD_TRAINING_WEIGHTS_HASH_H_
#define FLOWGRAD_TRAINING_WEIGHTS_HASH_H_

#include <string>

#include "absl/types/span.h"
#include "training/safetensors.h"

namespace flowgrad {

// XXH3-128 of names, types and values, as 32 hexadecimal digits. The order of `tensors` does not
// matter, nor do their strides; each bit of each value does.
std::string WeightsHash(absl::Span<const NamedTensor> tensors);

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_WEIGHTS_HASH_H_
