// Data sets of files that have a field each, or a few: what IDX and .npy have in common.

#ifndef FLOWGRAD_TRAINING_DATA_FIELD_FILES_H_
#define FLOWGRAD_TRAINING_DATA_FIELD_FILES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "base/file.h"
#include "training/data/byte_source.h"
#include "training/data/data_field.h"
#include "training/data/dataset.h"

namespace flowgrad {

struct FieldFile {
  std::string field;
  std::string path;
};

struct FieldFilesOptions {
  std::vector<FieldFile> test_files =
      {};  // the test part: the same fields. Empty: `split` makes one
  DataSplit split = {};
  int64_t memory_bytes = kDataMemoryBytes;
};

using DataFields = std::vector<std::shared_ptr<const DataField>>;

// A file that is open, for readers.
struct OpenFieldFile {
  std::string field;
  InputFile file;
};

// Appends the fields of a file.
using FieldReader =
    absl::FunctionRef<absl::Status(OpenFieldFile file, MemoryBudget& memory, DataFields& fields)>;

absl::StatusOr<DataParts> ReadFieldFiles(std::vector<OpenFieldFile> train,
                                         std::vector<OpenFieldFile> test, const DataSplit& split,
                                         MemoryBudget& memory, FieldReader read);

// The same of files that are opened first.
absl::StatusOr<DataParts> OpenFieldFiles(const std::vector<FieldFile>& train,
                                         const FieldFilesOptions& options, FieldReader read);

// The parts, if they have the same fields; without a test part `split` makes one.
absl::StatusOr<DataParts> PartsOf(DataSet train, std::optional<DataSet> test,
                                  const DataSplit& split, int64_t run = 1);

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_DATA_FIELD_FILES_H_
