// Arrays of NumPy: a .npy file, or the members of an .npz file.
//
// The first dim is the samples. Numbers: f4, f8, i1, i2, i4, i8, u1, u2, u4, little-endian, and b1;
// row-major or Fortran order, which is laid out anew. Errors begin with the file's name.
//
//   ASSIGN_OR_RETURN(DataParts parts, OpenNpy({{"", "train.npz"}}, {.split = {.test = 0.2}}));

#ifndef FLOWGRAD_TRAINING_DATA_NPY_DATA_H_
#define FLOWGRAD_TRAINING_DATA_NPY_DATA_H_

#include <vector>

#include "absl/status/statusor.h"
#include "training/data/byte_source.h"
#include "training/data/field_files.h"

namespace flowgrad {

// An .npz file gives the fields that it names; with a field's name only that one.
absl::StatusOr<DataParts> OpenNpy(const std::vector<FieldFile>& files,
                                  const FieldFilesOptions& options = {});

// A FieldReader.
absl::Status ReadNpyFields(OpenFieldFile file, MemoryBudget& memory, DataFields& fields);

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_DATA_NPY_DATA_H_
