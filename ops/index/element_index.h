// What GatherElements and ScatterElements share: lines along an axis, indices that may be negative.

#ifndef FLOWGRAD_OPS_INDEX_ELEMENT_INDEX_H_
#define FLOWGRAD_OPS_INDEX_ELEMENT_INDEX_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ops/op.h"

namespace flowgrad {

// Attribute "axis", from 0 on, once input "data" and input "indices" have one rank and the dims of
// "indices" do not exceed those of "data" away from that axis.
absl::StatusOr<int> ElementIndexAxis(const ShapeContext& context);

// Letters for LoopsOf() of "data" and of everything in the shape of "indices".
std::string ElementIndexLetters(const ShapeContext& context);

// -n <= index < n, turned into 0 <= index < n.
absl::StatusOr<int64_t> NormalizeIndex(int64_t index, int64_t n);

}  // namespace flowgrad

#endif  // FLOWGRAD_OPS_INDEX_ELEMENT_INDEX_H_
