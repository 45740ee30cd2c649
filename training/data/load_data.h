// The data that a model's training section names.

#ifndef FLOWGRAD_TRAINING_DATA_LOAD_DATA_H_
#define FLOWGRAD_TRAINING_DATA_LOAD_DATA_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "training/data/dataset.h"

namespace flowgrad {

class DataDef;

struct DataPlaces {
  // Files named in a model are relative to this folder and may not leave it: no "..", no absolute
  // path, no symbolic link.
  std::string model_folder = {};
  // Given by the user, not by the model: "", or the folder that has the files in its place, or a
  // file that stands for the test part.
  std::string path = {};
  int64_t memory_bytes = kDataMemoryBytes;
};

// The folder whose files a model may name: that of the model's file, behind symbolic links.
std::string ModelFolder(absl::string_view model_path);

// Reads and checks all of it. Errors name the file and the place in it, or the field of the
// training section. The codes of base/file.h for files, InvalidArgument for data of another kind
// and for what does not fit together, DataLoss for damaged files, NotFound for unknown sets and
// columns.
absl::StatusOr<DataParts> LoadData(const DataDef& data, const DataPlaces& places);

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_DATA_LOAD_DATA_H_
