// IDX files, the format of MNIST and its relatives: an array of numbers.
//
//   2 bytes 0, 1 byte type, 1 byte rank, each dim as 4 bytes big-endian, then the values, row-major
//   and big-endian. Types: 8 uint8, 9 int8, 11 int16, 12 int32, 13 float, 14 double
//
// The first dim is the samples. Plain or gzip. Errors begin with the file's name: InvalidArgument
// for a file of another kind, DataLoss for a damaged one, and what base/file.h says for the file
// itself.
//
//   ASSIGN_OR_RETURN(DataParts parts, OpenIdx({{"images", "images.idx.gz"}, {"labels", "l.idx"}}));

#ifndef FLOWGRAD_TRAINING_DATA_IDX_DATA_H_
#define FLOWGRAD_TRAINING_DATA_IDX_DATA_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "training/data/byte_source.h"
#include "training/data/field_files.h"

namespace flowgrad {

// Bytes (type 8) are pixels: as float or double they are divided by 255.
absl::StatusOr<DataParts> OpenIdx(const std::vector<FieldFile>& files,
                                  const FieldFilesOptions& options = {});

// A FieldReader.
absl::Status ReadIdxField(OpenFieldFile file, MemoryBudget& memory, DataFields& fields);

struct IdxHeader {
  Element element = Element::kUint8;
  Dims dims = {};     // rank 1 to 8
  int64_t start = 0;  // of the values
};

// Checks the size, too. Errors without the file's name.
absl::StatusOr<IdxHeader> ReadIdxHeader(const ByteSource& source);

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_DATA_IDX_DATA_H_
