// Files of data for tests: made in a folder of their own, and whole batches of data sets as
// numbers.

#ifndef FLOWGRAD_TESTS_TRAINING_DATA_DATA_FILES_H_
#define FLOWGRAD_TESTS_TRAINING_DATA_DATA_FILES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "training/data/dataset.h"

namespace flowgrad {

// A test with an empty folder.
class DataFilesTest : public testing::Test {
 protected:
  DataFilesTest();

  std::string Path(absl::string_view name) const;
  // Writes a file and returns its path.
  std::string Put(absl::string_view name, absl::string_view bytes) const;
  // An error with the folder's name taken out of its message.
  absl::Status Plain(const absl::Status& status) const;

  const std::string folder_;
};

std::string Gzipped(absl::string_view bytes);

// The header and values of a .npy file: `header` is what stands in it, "'descr': '<f4', ...".
std::string NpyBytes(absl::string_view header, absl::string_view values);

// The bytes of numbers as they are in memory.
template <class T>
std::string BytesOf(const std::vector<T>& numbers) {
  return std::string(reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(T));
}

// All values of a field, as doubles. An error is a failure of the test.
std::vector<double> AllNumbers(const DataSet& data, absl::string_view field, DType dtype);

// Every field of both parts in a line: "train x float[N,2] 1,2,3,4". Of two data sets that are the
// same, the same.
std::string Dump(const DataParts& parts);

}  // namespace flowgrad

#endif  // FLOWGRAD_TESTS_TRAINING_DATA_DATA_FILES_H_
