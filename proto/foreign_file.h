// Recognises files that are given for a model file by mistake.

#ifndef FLOWGRAD_PROTO_FOREIGN_FILE_H_
#define FLOWGRAD_PROTO_FOREIGN_FILE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace flowgrad {

// What `bytes` look like, for a message: "an HTML page", with what to do where that is known; ""
// for no known kind. Never says anything of bytes that are a model file.
std::string ForeignKind(absl::string_view bytes);

}  // namespace flowgrad

#endif  // FLOWGRAD_PROTO_FOREIGN_FILE_H_
