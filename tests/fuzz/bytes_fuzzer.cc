// Any bytes, as each kind of file that the engine reads: a model in text or binary with all that
// can be done with one, tensors, a history.

#include <cstdint>

#include "proto/model_file.h"
#include "tests/fuzz/exercise.h"
#include "training/history.h"
#include "training/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace flowgrad;  // NOLINT: one function
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<ModelDef> model = ParseModel(bytes, "m");
  if (model.ok()) {
    Exercise(*model);
    // Text keeps everything but the payload of a NaN.
    const std::string text = ModelText(*model);
    const absl::StatusOr<ModelDef> again = ParseModel(text, "again");
    if (!again.ok()) Finding(again.status().ToString());
    if (ModelText(*again) != text) Finding("text is another model");
  } else {
    CheckRefusal(model.status());
  }
  const absl::StatusOr<TensorFile> tensors = TensorsFromBytes(bytes, "t");
  if (!tensors.ok()) CheckRefusal(tensors.status());
  const absl::StatusOr<History> history = History::FromCsv(bytes, "h");
  if (!history.ok()) CheckRefusal(history.status());
  return 0;
}
