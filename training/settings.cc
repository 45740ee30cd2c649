#include "training/settings.h"

#include <cstdint>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/message.h"
#include "google/protobuf/text_format.h"
#include "proto/model.pb.h"

namespace flowgrad {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::OneofDescriptor;
using google::protobuf::Reflection;
using google::protobuf::TextFormat;

// The message in `message`, below a oneof, that has a field `name`; null if none has.
Message* FindInOneofs(Message& message, const std::string& name) {
  const Descriptor& type = *message.GetDescriptor();
  const Reflection& reflection = *message.GetReflection();
  for (int i = 0; i < type.oneof_decl_count(); ++i) {
    const OneofDescriptor& oneof = *type.oneof_decl(i);
    const FieldDescriptor* kind = reflection.HasOneof(message, &oneof)
                                      ? reflection.GetOneofFieldDescriptor(message, &oneof)
                                      : oneof.field(0);
    if (kind->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (kind->message_type()->FindFieldByName(name) == nullptr) continue;
    return reflection.MutableMessage(&message, kind);
  }
  return nullptr;
}

absl::Status NoSuchField(const Message& message, absl::string_view path, const std::string& name) {
  std::vector<std::string> names;
  const auto add_fields = [&](const Descriptor& type) {
    for (int i = 0; i < type.field_count(); ++i) names.push_back(type.field(i)->name());
  };
  const Descriptor& type = *message.GetDescriptor();
  add_fields(type);
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    const bool set = field.containing_oneof() != nullptr &&
                     field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
                     message.GetReflection()->HasField(message, &field);
    if (set) add_fields(*field.message_type());
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the training section has no field ", Quoted(path), DidYouMean(name, names)));
}

// Keeps the first error of a text.
class FirstError : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, int column, const std::string& message) override {
    if (message_.empty()) {
      message_ = message;
      line_ = line + 1;
      column_ = column + 1;
    }
  }
  const std::string& message() const { return message_; }
  int line() const { return line_; }
  int column() const { return column_; }

 private:
  std::string message_;
  int line_ = 0, column_ = 0;
};

bool ParseText(const std::string& text, Message& message, FirstError& error) {
  TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  parser.SetRecursionLimit(100);
  message.Clear();
  return parser.ParseFromString(text, &message);
}

absl::Status ParseMessage(absl::string_view path, const std::string& text, Message& message) {
  FirstError error;
  if (ParseText(text, message, error)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(path, " must be the text of ",
                                                 message.GetDescriptor()->name(), ", but is ",
                                                 Quoted(text), ": ", error.message()));
}

// Where a value goes: a field that is set, or a repeated one that is added to.
struct Place {
  Message& message;
  const FieldDescriptor& field;

  template <class Value, class Set, class Add>
  void Put(Value value, Set set, Add add) const {
    const Reflection& reflection = *message.GetReflection();
    if (field.is_repeated()) {
      (reflection.*add)(&message, &field, std::move(value));
    } else {
      (reflection.*set)(&message, &field, std::move(value));
    }
  }
};

absl::Status WrongValue(absl::string_view path, absl::string_view expected,
                        const std::string& value) {
  return absl::InvalidArgumentError(
      absl::StrCat(path, " must be ", expected, ", but is ", Quoted(value)));
}

absl::Status SetEnum(absl::string_view path, const std::string& value, const Place& place) {
  const google::protobuf::EnumDescriptor& type = *place.field.enum_type();
  if (const auto* number = type.FindValueByName(value); number != nullptr) {
    place.Put(number, &Reflection::SetEnum, &Reflection::AddEnum);
    return absl::OkStatus();
  }
  std::string names;
  for (int i = 1; i < type.value_count(); ++i) {
    const absl::string_view separator = i == 1 ? "" : i + 1 < type.value_count() ? ", " : " or ";
    absl::StrAppend(&names, separator, type.value(i)->name());
  }
  return WrongValue(path, names, value);
}

absl::Status SetValue(absl::string_view path, const std::string& value, const Place& place) {
  switch (place.field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT64: {
      int64_t number;
      if (!absl::SimpleAtoi(value, &number)) return WrongValue(path, "a whole number", value);
      place.Put(number, &Reflection::SetInt64, &Reflection::AddInt64);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_UINT64: {
      uint64_t number;
      if (!absl::SimpleAtoi(value, &number)) {
        return WrongValue(path, "a whole number from 0 on", value);
      }
      place.Put(number, &Reflection::SetUInt64, &Reflection::AddUInt64);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_DOUBLE: {
      double number;
      if (!absl::SimpleAtod(value, &number)) return WrongValue(path, "a number", value);
      place.Put(number, &Reflection::SetDouble, &Reflection::AddDouble);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_BOOL: {
      if (value != "true" && value != "false") return WrongValue(path, "true or false", value);
      place.Put(value == "true", &Reflection::SetBool, &Reflection::AddBool);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_STRING:
      place.Put(value, &Reflection::SetString, &Reflection::AddString);
      return absl::OkStatus();
    case FieldDescriptor::CPPTYPE_ENUM:
      return SetEnum(path, value, place);
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      const Reflection& reflection = *place.message.GetReflection();
      Message* const part = place.field.is_repeated()
                                ? reflection.AddMessage(&place.message, &place.field)
                                : reflection.MutableMessage(&place.message, &place.field);
      return ParseMessage(path, value, *part);
    }
    default:
      return absl::InternalError(absl::StrCat("field ", path, " is of a type that nobody reads"));
  }
}

// The place that `path` names; messages on the way come to exist.
absl::StatusOr<Place> FindPlace(absl::string_view path, TrainingDef& training) {
  Message* message = &training;
  const std::vector<std::string> names = absl::StrSplit(path, '.');
  for (size_t i = 0;; ++i) {
    const FieldDescriptor* field = message->GetDescriptor()->FindFieldByName(names[i]);
    if (field == nullptr) {
      Message* const inner = FindInOneofs(*message, names[i]);
      if (inner == nullptr) return NoSuchField(*message, path, names[i]);
      message = inner;
      field = message->GetDescriptor()->FindFieldByName(names[i]);
    }
    if (i + 1 == names.size()) return Place{*message, *field};
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE || field->is_repeated()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the training section has no field ", Quoted(path), ": ", Quoted(names[i]),
          field->is_repeated() ? " is a list, which is set as a whole" : " has no fields"));
    }
    message = message->GetReflection()->MutableMessage(message, field);
  }
}

}  // namespace

absl::Status ParseTraining(absl::string_view text, TrainingDef& training) {
  FirstError error;
  if (ParseText(std::string(text), training, error)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "training section, line ", error.line(), ", column ", error.column(), ": ", error.message()));
}

absl::Status ApplySettings(const std::vector<std::string>& settings, TrainingDef& training) {
  std::set<const FieldDescriptor*> lists;  // those begun anew
  for (const std::string& setting : settings) {
    const size_t equals = setting.find('=');
    if (equals == std::string::npos || equals == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("must be FIELD=VALUE, but is ", Quoted(setting)));
    }
    const absl::string_view path = absl::string_view(setting).substr(0, equals);
    if (path == "steps") training.clear_epochs();
    if (path == "epochs") training.clear_steps();
    ASSIGN_OR_RETURN(const Place place, FindPlace(path, training));
    if (place.field.is_repeated() && lists.insert(&place.field).second) {
      place.message.GetReflection()->ClearField(&place.message, &place.field);
    }
    RETURN_IF_ERROR(SetValue(path, setting.substr(equals + 1), place));
  }
  return absl::OkStatus();
}

}  // namespace flowgrad
