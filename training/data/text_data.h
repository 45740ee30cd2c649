// Plain text by character (code point), UTF-8 or gzip of it, in windows.
//
//   text  int64[length]  characters from k·stride on, for sample k
//   next  int64[length]  the character after each
//
// A character is its place among the characters of the text, sorted; DataSet::Names() has them.
//
//   ASSIGN_OR_RETURN(DataParts parts, OpenText("GPL-3", {.length = 64, .split = {.test = 0.1}}));

#ifndef FLOWGRAD_TRAINING_DATA_TEXT_DATA_H_
#define FLOWGRAD_TRAINING_DATA_TEXT_DATA_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/file.h"
#include "training/data/byte_source.h"
#include "training/data/dataset.h"

namespace flowgrad {

struct TextDataOptions {
  int64_t length = 0;          // 1 or more
  int64_t stride = 0;          // 0: `length`
  int64_t vocabulary = 0;      // refuse a text with more different characters; 0: any number
  std::string test_file = {};  // of the training text's characters. "": `split` makes a test part
  DataSplit split = {};        // of runs of 64 samples
  int64_t memory_bytes = kDataMemoryBytes;
};

// OK if the numbers are in range: "length must be 1 or more, but is 0".
absl::Status CheckTextDataOptions(const TextDataOptions& options);

// InvalidArgument, with the place, for bytes that are no UTF-8.
absl::StatusOr<DataParts> OpenText(absl::string_view path, const TextDataOptions& options);

// The same of files that are open.
absl::StatusOr<DataParts> ReadText(InputFile file, std::optional<InputFile> test_file,
                                   const TextDataOptions& options, MemoryBudget& memory);

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_DATA_TEXT_DATA_H_
