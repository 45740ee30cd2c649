#include "training/data/field_files.h"

#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/text.h"

namespace flowgrad {
namespace {

absl::StatusOr<DataSet> ReadPart(std::vector<OpenFieldFile> files, MemoryBudget& memory,
                                 FieldReader read) {
  DataFields fields;
  for (OpenFieldFile& file : files) RETURN_IF_ERROR(read(std::move(file), memory, fields));
  return DataSet::OfFields(std::move(fields));
}

absl::StatusOr<std::vector<OpenFieldFile>> OpenAll(const std::vector<FieldFile>& files) {
  std::vector<OpenFieldFile> open;
  for (const FieldFile& file : files) {
    ASSIGN_OR_RETURN(InputFile input,
                     InputFile::Open(file.path, std::numeric_limits<int64_t>::max()));
    open.push_back({file.field, std::move(input)});
  }
  return open;
}

// OK if the test part has the fields of the training part.
absl::Status CheckSameFields(const DataSet& train, const DataSet& test) {
  for (const std::string& field : train.field_names()) {
    ASSIGN_OR_RETURN(const TensorType expected, train.FieldType(field));
    const absl::StatusOr<TensorType> type = test.FieldType(field);
    if (!type.ok()) {
      return absl::Status(type.status().code(),
                          absl::StrCat("test part: ", type.status().message()));
    }
    if (*type == expected) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(test.Where(field, 0), ": field ", Quoted(field), " must be ",
                     expected.ToString(), " as in the training part, but is ", type->ToString()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<DataParts> PartsOf(DataSet train, std::optional<DataSet> test,
                                  const DataSplit& split, int64_t run) {
  ASSIGN_OR_RETURN(DataParts parts, Divide(train, split, run));
  if (!test) return parts;
  RETURN_IF_ERROR(CheckSameFields(train, *test));
  parts.test = *std::move(test);
  return parts;
}

absl::StatusOr<DataParts> ReadFieldFiles(std::vector<OpenFieldFile> train,
                                         std::vector<OpenFieldFile> test, const DataSplit& split,
                                         MemoryBudget& memory, FieldReader read) {
  ASSIGN_OR_RETURN(DataSet train_set, ReadPart(std::move(train), memory, read));
  std::optional<DataSet> test_set;
  if (!test.empty()) {
    ASSIGN_OR_RETURN(test_set, ReadPart(std::move(test), memory, read));
  }
  return PartsOf(std::move(train_set), std::move(test_set), split);
}

absl::StatusOr<DataParts> OpenFieldFiles(const std::vector<FieldFile>& train,
                                         const FieldFilesOptions& options, FieldReader read) {
  ASSIGN_OR_RETURN(std::vector<OpenFieldFile> train_files, OpenAll(train));
  ASSIGN_OR_RETURN(std::vector<OpenFieldFile> test_files, OpenAll(options.test_files));
  MemoryBudget memory(options.memory_bytes);
  return ReadFieldFiles(std::move(train_files), std::move(test_files), options.split, memory, read);
}

}  // namespace flowgrad
