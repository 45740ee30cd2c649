#include "proto/wire_check.h"

#include <map>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "google/protobuf/message.h"

namespace flowgrad {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::MessageFactory;

enum WireType { kVarint = 0, kFixed64 = 1, kLength = 2, kFixed32 = 5 };

// Takes a varint off the front; nothing if it is cut off or has more than 64 bits.
std::optional<uint64_t> TakeVarint(absl::string_view& bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes.size() && i < 10; ++i) {
    const uint64_t byte = static_cast<uint8_t>(bytes[i]);
    if (i == 9 && byte > 1) return std::nullopt;
    value |= (byte & 0x7F) << (7 * i);
    if (byte < 0x80) {
      bytes.remove_prefix(i + 1);
      return value;
    }
  }
  return std::nullopt;
}

// Takes a field off the front; nothing if there is no whole field. Groups (wire types 3 and 4) are
// not known.
std::optional<WireField> TakeField(absl::string_view& bytes) {
  const std::optional<uint64_t> tag = TakeVarint(bytes);
  if (!tag || *tag >> 32 != 0 || *tag >> 3 == 0) return std::nullopt;
  WireField field{static_cast<int64_t>(*tag >> 3), static_cast<int>(*tag & 7), 0, {}};
  size_t size = 0;
  if (field.wire_type == kVarint || field.wire_type == kLength) {
    const std::optional<uint64_t> value = TakeVarint(bytes);
    if (!value) return std::nullopt;
    if (field.wire_type == kVarint) {
      field.value = *value;
      return field;
    }
    if (*value > bytes.size()) return std::nullopt;
    size = *value;
  } else if (field.wire_type == kFixed64 || field.wire_type == kFixed32) {
    size = field.wire_type == kFixed64 ? 8 : 4;
    if (size > bytes.size()) return std::nullopt;
  } else {
    return std::nullopt;
  }
  field.bytes = bytes.substr(0, size);
  bytes.remove_prefix(size);
  return field;
}

WireType WireTypeOf(const FieldDescriptor* field) {
  switch (field->type()) {
    case FieldDescriptor::TYPE_DOUBLE:
    case FieldDescriptor::TYPE_FIXED64:
    case FieldDescriptor::TYPE_SFIXED64:
      return kFixed64;
    case FieldDescriptor::TYPE_FLOAT:
    case FieldDescriptor::TYPE_FIXED32:
    case FieldDescriptor::TYPE_SFIXED32:
      return kFixed32;
    case FieldDescriptor::TYPE_STRING:
    case FieldDescriptor::TYPE_BYTES:
    case FieldDescriptor::TYPE_MESSAGE:
      return kLength;
    default:
      return kVarint;
  }
}

// The number of elements in a packed field; nothing if the last is cut off.
std::optional<int64_t> CountPacked(absl::string_view bytes, WireType type) {
  if (type != kVarint) {
    const int64_t size = type == kFixed64 ? 8 : 4;
    if (bytes.size() % size != 0) return std::nullopt;
    return bytes.size() / size;
  }
  int64_t count = 0;
  for (; !bytes.empty(); ++count) {
    if (!TakeVarint(bytes)) return std::nullopt;
  }
  return count;
}

// The way from the outermost message to the one being looked at. Lives on the stack; text only for
// an error.
struct Place {
  const Place* parent;
  const FieldDescriptor* field;  // null for the outermost
  int64_t index;

  std::string ToString() const {
    if (field == nullptr) return "";
    const std::string outer = parent->ToString();
    return absl::StrCat(outer, outer.empty() ? "" : ".", field->name(),
                        field->is_repeated() ? absl::StrCat("[", index, "]") : "");
  }
};

class WireChecker {
 public:
  explicit WireChecker(const WireLimits& limits) : limits_(limits), heap_left_(limits.heap_bytes) {}

  absl::Status CheckMessage(absl::string_view bytes, const Descriptor* type, const Place& place,
                            int depth) {
    if (depth > limits_.depth) {
      return Error(place, absl::StrCat("messages are nested more than ", limits_.depth, " deep"));
    }
    RETURN_IF_ERROR(TakeHeap(place, MessageBytes(type)));
    std::vector<int64_t> counts(type->field_count());
    std::vector<bool> oneof_set(type->oneof_decl_count());
    const size_t size = bytes.size();
    while (!bytes.empty()) {
      const size_t offset = size - bytes.size();
      const std::optional<WireField> read = TakeField(bytes);
      if (!read) {
        return Error(place, absl::StrCat("is damaged or cut off at byte ", offset, " of ", size));
      }
      const FieldDescriptor* field = read->number <= FieldDescriptor::kMaxNumber
                                         ? type->FindFieldByNumber(static_cast<int>(read->number))
                                         : nullptr;
      if (field == nullptr) {
        return Error(place, absl::StrCat("has the unknown field ", read->number));
      }
      int64_t& count = counts[field->index()];
      const Place here{&place, field, count};
      if (!field->is_repeated() && count > 0) return Error(here, "is set twice");
      if (const auto* oneof = field->real_containing_oneof(); oneof != nullptr) {
        if (oneof_set[oneof->index()]) {
          return Error(here, absl::StrCat("is set beside another ", Quoted(oneof->name())));
        }
        oneof_set[oneof->index()] = true;
      }
      ++count;
      RETURN_IF_ERROR(CheckRepeats(here, count));
      RETURN_IF_ERROR(CheckField(*read, here, depth));
    }
    return absl::OkStatus();
  }

 private:
  static absl::Status Error(const Place& place, absl::string_view message) {
    const std::string name = place.ToString();
    return absl::InvalidArgumentError(
        absl::StrCat(name.empty() ? "the model" : name, " ", message));
  }

  absl::Status TakeHeap(const Place& place, int64_t bytes) {
    heap_left_ -= bytes;
    if (heap_left_ >= 0) return absl::OkStatus();
    return Error(place, absl::StrCat("is where the model would take more than ",
                                     limits_.heap_bytes >> 20, " MiB of memory"));
  }

  // A message, its allocation and its place in a repeated field.
  int64_t MessageBytes(const Descriptor* type) {
    int64_t& bytes = message_bytes_[type];
    if (bytes == 0) {
      bytes = MessageFactory::generated_factory()->GetPrototype(type)->SpaceUsedLong() + 32;
    }
    return bytes;
  }

  absl::Status CheckRepeats(const Place& place, int64_t count) const {
    if (!place.field->is_repeated()) return absl::OkStatus();
    for (const RepeatLimit& limit : limits_.repeats) {
      if (count > limit.count && limit.field == place.field->full_name()) {
        return Error(*place.parent, absl::StrCat("has more than ", limit.count, " of field ",
                                                 Quoted(place.field->name())));
      }
    }
    return absl::OkStatus();
  }

  absl::Status CheckField(const WireField& read, const Place& place, int depth) {
    const FieldDescriptor* field = place.field;
    const WireType wire_type = WireTypeOf(field);
    if (read.wire_type == kLength && field->is_packable()) {
      const std::optional<int64_t> count = CountPacked(read.bytes, wire_type);
      if (!count) return Error(place, "is damaged: its last number is cut off");
      return TakeHeap(place, *count * kNumberBytes);
    }
    if (read.wire_type != wire_type) {
      return Error(place, absl::StrCat("is damaged: it has wire type ", read.wire_type, " and not ",
                                       static_cast<int>(wire_type)));
    }
    if (field->type() == FieldDescriptor::TYPE_MESSAGE) {
      return CheckMessage(read.bytes, field->message_type(), place, depth + 1);
    }
    if (wire_type != kLength) return TakeHeap(place, field->is_repeated() ? kNumberBytes : 0);
    if (field->type() == FieldDescriptor::TYPE_STRING && !IsUtf8(read.bytes)) {
      return Error(place, absl::StrCat("is not UTF-8: ", Quoted(read.bytes)));
    }
    return TakeHeap(place, kStringBytes + static_cast<int64_t>(read.bytes.size()));
  }

  // An empty std::string with its allocation and its pointer. An array that grows has up to twice
  // the room it needs.
  static constexpr int64_t kStringBytes = 64;
  static constexpr int64_t kNumberBytes = 16;

  const WireLimits& limits_;
  int64_t heap_left_;
  std::map<const Descriptor*, int64_t> message_bytes_;
};

}  // namespace

absl::Status CheckWire(absl::string_view bytes, const Descriptor* type, const WireLimits& limits) {
  return WireChecker(limits).CheckMessage(bytes, type, Place{nullptr, nullptr, 0}, 1);
}

std::vector<WireField> TopLevelFields(absl::string_view bytes, int max_count) {
  std::vector<WireField> fields;
  while (!bytes.empty() && static_cast<int>(fields.size()) < max_count) {
    const std::optional<WireField> field = TakeField(bytes);
    if (!field) return {};
    fields.push_back(*field);
  }
  return fields;
}

}  // namespace flowgrad
