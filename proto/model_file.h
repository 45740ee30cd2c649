// Reads and writes model files: a ModelDef as protobuf text or binary.
//
// Which of the two a file is, its first byte tells: a binary model begins with a control character,
// text never does. What comes back has been checked as a file, not as a graph: format version, no
// unknown field, no field set twice, valid UTF-8, and ModelLimits. What comes back takes at most
// `memory_bytes`, and to find that out costs no more, whatever the file says.
//
// Errors are InvalidArgument, or what base/file.h says for the file itself. They begin with the
// file's name, for text with the line: `model.pbtxt:41: "NodeDef" has no field "inputs"; did you
// mean "input"?`.
//
// Nothing is printed: the first use switches off the log that protobuf writes to standard error.

#ifndef FLOWGRAD_PROTO_MODEL_FILE_H_
#define FLOWGRAD_PROTO_MODEL_FILE_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "proto/model.pb.h"

namespace flowgrad {

// The most that a file may ask for.
struct ModelLimits {
  int64_t file_bytes = int64_t{64} << 20;
  int64_t memory_bytes = int64_t{1} << 30;  // of the parsed model, estimated on the safe side
  int64_t depth = 100;                      // of nesting
  int64_t nodes = 1'000'000;
  int64_t attributes = 256;  // of one node
};

absl::StatusOr<ModelDef> ReadModelFile(absl::string_view path, const ModelLimits& limits = {});

// The model in `bytes`; messages call it `name`.
absl::StatusOr<ModelDef> ParseModel(absl::string_view bytes, absl::string_view name,
                                    const ModelLimits& limits = {});

// Text if `path` ends in ".pbtxt", binary otherwise. Refuses a model that ReadModelFile() would
// refuse.
absl::Status WriteModelFile(const ModelDef& model, absl::string_view path);

// The model, or a part of one, as text that ParseModel() reads back to the same values.
std::string ModelText(const google::protobuf::Message& model);

}  // namespace flowgrad

#endif  // FLOWGRAD_PROTO_MODEL_FILE_H_
