// Reads and writes model files: a ModelDef as protobuf text or binary.
//
// Which of the two a file is, its first byte tells: a binary model begins with a control character,
// text never does. What comes back has been checked as a file, not as a graph: format version, no
// unknown field, no field set twice, valid UTF-8, at most 64 MiB, 100 levels, 1,000,000 nodes and
// 256 attributes per node. A file that is refused costs at most about 1 GiB of memory beyond its
// own size, whatever it says.
//
// Errors are InvalidArgument, or what base/file.h says for the file itself. They begin with the
// file's name, for text with the line: `model.pbtxt:41: "NodeDef" has no field "inputs"; did you
// mean "input"?`.
//
// Nothing is printed: the first use switches off the log that protobuf writes to standard error.

#ifndef FLOWGRAD_PROTO_MODEL_FILE_H_
#define FLOWGRAD_PROTO_MODEL_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "proto/model.pb.h"

namespace flowgrad {

absl::StatusOr<ModelDef> ReadModelFile(absl::string_view path);

// The model in `bytes`; messages call it `name`.
absl::StatusOr<ModelDef> ParseModel(absl::string_view bytes, absl::string_view name);

// Text if `path` ends in ".pbtxt", binary otherwise. Refuses a model that ReadModelFile() would
// refuse.
absl::Status WriteModelFile(const ModelDef& model, absl::string_view path);

// The model, or a part of one, as text that ParseModel() reads back to the same values.
std::string ModelText(const google::protobuf::Message& model);

}  // namespace flowgrad

#endif  // FLOWGRAD_PROTO_MODEL_FILE_H_
