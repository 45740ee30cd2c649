// Models in protobuf's wire format, written by hand: what no parser would write.

#ifndef FLOWGRAD_TESTS_TESTING_WIRE_H_
#define FLOWGRAD_TESTS_TESTING_WIRE_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace flowgrad {

std::string Varint(uint64_t value);
// A length-delimited field.
std::string Field(int number, absl::string_view content);
// A ModelDef of format version 1 with this GraphDef.
std::string WithGraph(absl::string_view graph);
std::string Repeated(absl::string_view bytes, int count);

}  // namespace flowgrad

#endif  // FLOWGRAD_TESTS_TESTING_WIRE_H_
