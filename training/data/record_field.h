// A field whose values stand in a file at fixed distances: IDX, .npy, windows of text.

#ifndef FLOWGRAD_TRAINING_DATA_RECORD_FIELD_H_
#define FLOWGRAD_TRAINING_DATA_RECORD_FIELD_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "training/data/byte_source.h"
#include "training/data/data_field.h"
#include "training/data/element.h"

namespace flowgrad {

// Calls visit(i, bytes) with the `width` bytes at `start` + samples[i]·`stride`, for each i. Those
// of samples that follow each other come from one read.
absl::Status VisitRecords(const ByteSource& source, int64_t start, int64_t stride, int64_t width,
                          absl::Span<const int64_t> samples,
                          absl::FunctionRef<absl::Status(int64_t, const char*)> visit);

struct RecordLayout {
  Element element = Element::kUint8;
  bool big_endian = false;
  bool pixels = false;  // kUint8: divided by 255 where they become float or double
  int64_t start = 0;    // of sample 0, in bytes
  int64_t stride = 0;   // from a sample to the next, in bytes
  int64_t unit = 1;     // bytes of what messages count
};

// REQUIRES: all samples lie within `source`
std::shared_ptr<const DataField> RecordField(FieldInfo info, const RecordLayout& layout,
                                             std::shared_ptr<const ByteSource> source);

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_DATA_RECORD_FIELD_H_
