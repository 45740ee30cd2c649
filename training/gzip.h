// Unpacks gzip data within a limit.

#ifndef FLOWGRAD_TRAINING_GZIP_H_
#define FLOWGRAD_TRAINING_GZIP_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace flowgrad {

bool IsGzip(absl::string_view bytes);

// What one gzip member unpacks to. DataLoss if it is damaged, cut off or followed by more bytes,
// InvalidArgument if it unpacks to more than `max_bytes`; at most that much memory is taken,
// whatever the data says. Messages are about the data only, the caller puts the file's name in
// front.
absl::StatusOr<std::string> Unzip(absl::string_view bytes, int64_t max_bytes);

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_GZIP_H_
