// Names chosen by a pattern: "encoder/*" is every name that begins with "encoder/".

#ifndef FLOWGRAD_BASE_NAME_PATTERN_H_
#define FLOWGRAD_BASE_NAME_PATTERN_H_

#include "absl/strings/string_view.h"

namespace flowgrad {

// Whether `name` is `pattern`, where each '*' stands for any text, the empty one and slashes
// included.
bool MatchesPattern(absl::string_view pattern, absl::string_view name);

}  // namespace flowgrad

#endif  // FLOWGRAD_BASE_NAME_PATTERN_H_
