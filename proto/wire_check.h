// Checks the bytes of a protobuf message before they are parsed.
//
// The parser itself merges fields given twice, keeps unknown ones, and turns 2 bytes into 240 bytes
// of memory; once it is done the first two can no longer be seen. So the bytes are walked first,
// with the schema at hand and without taking memory.

#ifndef FLOWGRAD_PROTO_WIRE_CHECK_H_
#define FLOWGRAD_PROTO_WIRE_CHECK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"

namespace flowgrad {

// At most `count` of the repeated field `field` ("flowgrad.GraphDef.node") in one message.
struct RepeatLimit {
  std::string field;
  int64_t count;
};

struct WireLimits {
  int depth;
  int64_t heap_bytes;  // estimate of what the parsed message takes
  std::vector<RepeatLimit> repeats;
};

// OK if `bytes` are a message of `type` within the limits, with known fields of the right wire
// types only, each singular field and each oneof set at most once, and valid UTF-8 in strings; then
// the parser accepts them. Messages name the field: `graph.node[3].name is not UTF-8`.
absl::Status CheckWire(absl::string_view bytes, const google::protobuf::Descriptor* type,
                       const WireLimits& limits);

// A field of a message whose schema is not known.
struct WireField {
  int64_t number;
  int wire_type;
  uint64_t value;           // of a varint
  absl::string_view bytes;  // of a length-delimited field
};

// The first fields of a message, up to `max_count`; empty if `bytes` are no message that far.
std::vector<WireField> TopLevelFields(absl::string_view bytes, int max_count);

}  // namespace flowgrad

#endif  // FLOWGRAD_PROTO_WIRE_CHECK_H_
