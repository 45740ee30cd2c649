// Data sets that have a name.
//
//   name           field   per sample  from
//   fashion-mnist  images  float[784]  Debian's dataset-fashion-mnist, or a folder with its files:
//                                      28 x 28 pixels, row-major, divided by 255
//                  labels  int64[]     class, 0 to 9
//   tic-tac-toe    board   float[9]    board k of 512: bit i of k in cell i
//                  label   int64[]     1 if a row, a column or a diagonal is all ones
//   modulo-3       bits    float[4]    bits of the numbers 0 to 15, the lowest first
//                  label   int64[]     the number modulo 3
//
// Both parts of the latter two are all samples.

#ifndef FLOWGRAD_TRAINING_DATA_KNOWN_SETS_H_
#define FLOWGRAD_TRAINING_DATA_KNOWN_SETS_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "training/data/dataset.h"

namespace flowgrad {

bool IsKnownSet(absl::string_view name);

// `folder` has the set's files; "" stands for the folder of the set's package. NotFound if there is
// no such set or file; InvalidArgument for a folder where the set has no files; DataLoss if the
// files do not fit together.
absl::StatusOr<DataParts> OpenKnownSet(absl::string_view name, absl::string_view folder = "",
                                       int64_t memory_bytes = kDataMemoryBytes);

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_DATA_KNOWN_SETS_H_
