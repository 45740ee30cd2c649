// A table of text: RFC 4180, UTF-8, plain or gzip, a sample a row.
//
//   features  float[columns]  all columns but the label and the ignored ones, in order; a
//                             categorical one as a 0 or 1 for each of its values, sorted
//   label     a number        the label's column
//   ...                       each column under its own name
//
// Numbers are float or double. A column of whole numbers, and a categorical one, can be int32 or
// int64: the number, or the place of the value among the sorted ones, which DataSet::Names() has.
//
//   ASSIGN_OR_RETURN(DataParts parts, OpenCsv("iris.csv", {.label = "species",
//                                                          .categorical = {"species"},
//                                                          .standardize = true,
//                                                          .split = {.test = 0.2}}));

#ifndef FLOWGRAD_TRAINING_DATA_CSV_DATA_H_
#define FLOWGRAD_TRAINING_DATA_CSV_DATA_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/file.h"
#include "training/data/byte_source.h"
#include "training/data/dataset.h"

namespace flowgrad {

struct CsvOptions {
  std::string label = {};                     // "": the last column that is not ignored
  std::vector<std::string> categorical = {};  // columns whose values are names
  std::vector<std::string> ignore = {};       // columns that are left out
  bool no_header = false;                     // columns are called "1", "2", ...
  char separator = ',';
  // Numbers of "features" less the mean of their column in the training part, divided by its
  // standard deviation (1 where it is 0).
  bool standardize = false;
  // Of the same columns, though it may lack the label's, if it has a header. "": `split` makes a
  // test part.
  std::string test_file = {};
  DataSplit split = {};
  int64_t memory_bytes = kDataMemoryBytes;
};

// Errors begin with file and line: `iris.csv:18: column "petal": must be a number, but is "abc"`.
// NotFound for a column that the options name and the file has not.
absl::StatusOr<DataParts> OpenCsv(absl::string_view path, const CsvOptions& options = {});

// The same of files that are open.
absl::StatusOr<DataParts> ReadCsv(InputFile file, std::optional<InputFile> test_file,
                                  const CsvOptions& options, MemoryBudget& memory);

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_DATA_CSV_DATA_H_
