// Reading is check, parse, check: binary is checked on the wire and then parsed; text is parsed by
// protobuf, which refuses unknown and doubled fields with their line, and then written as binary to
// pass the same check.

#include "proto/model_file.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/stubs/logging.h"
#include "google/protobuf/text_format.h"
#include "proto/foreign_file.h"
#include "proto/wire_check.h"

namespace flowgrad {
namespace {

namespace pb = ::google::protobuf;

constexpr int64_t kFirstVersion = 1;
constexpr int64_t kLastVersion = 1;

// The parser counts bytes and levels in an int.
ModelLimits WithinInt(ModelLimits limits) {
  constexpr int64_t kMost = std::numeric_limits<int>::max();
  limits.file_bytes = std::min(limits.file_bytes, kMost);
  limits.depth = std::min(limits.depth, kMost);
  return limits;
}

absl::Status ModelError(absl::string_view name, absl::string_view message) {
  return absl::InvalidArgumentError(absl::StrCat(PathText(name), ": ", message));
}

absl::Status LineError(absl::string_view name, int64_t line, absl::string_view message) {
  return absl::InvalidArgumentError(absl::StrCat(PathText(name), ":", line, ": ", message));
}

void SilenceProtobuf() {
  [[maybe_unused]] static const bool once = [] {
    pb::SetLogHandler(nullptr);
    return true;
  }();
}

// Escapes what the file put into a message of protobuf, without the quotes that protobuf put there.
std::string Readable(absl::string_view message) {
  constexpr size_t kLongest = 300;
  const std::string escaped =
      absl::StrJoin(absl::StrSplit(message.substr(0, kLongest), '"'), "\"",
                    [](std::string* out, absl::string_view part) { *out += Escaped(part); });
  return absl::StrCat(escaped, message.size() > kLongest ? "..." : "");
}

// `Message type "flowgrad.NodeDef" has no field named "x".` in our words, with the nearest field;
// else "".
std::string UnknownFieldMessage(absl::string_view message) {
  const std::vector<absl::string_view> parts = absl::StrSplit(message, '"');
  if (parts.size() != 5 || parts[2] != " has no field named ") return "";
  const pb::Descriptor* type =
      ModelDef::descriptor()->file()->pool()->FindMessageTypeByName(std::string(parts[1]));
  if (type == nullptr) return "";
  std::vector<std::string> names;
  for (int i = 0; i < type->field_count(); ++i) names.push_back(type->field(i)->name());
  return absl::StrCat(Quoted(type->name()), " has no field ", Quoted(parts[3]),
                      DidYouMean(parts[3], names));
}

// Keeps the first error.
class FirstError : public pb::io::ErrorCollector {
 public:
  explicit FirstError(absl::string_view name) : name_(name) {}

  const absl::Status& status() const { return status_; }

  void AddError(int line, pb::io::ColumnNumber, const std::string& text) override {
    if (!status_.ok()) return;
    std::string message = UnknownFieldMessage(text);
    if (message.empty()) {
      message = Readable(absl::StripSuffix(text, "."));
      message = absl::StrReplaceAll(message, {{"\"flowgrad.", "\""}});
      message[0] = absl::ascii_tolower(message[0]);
      constexpr absl::string_view kAtTheEnd = ", got: ";
      if (absl::EndsWith(message, kAtTheEnd)) {
        message.replace(message.size() - kAtTheEnd.size(), std::string::npos,
                        ", but the file ends here");
      }
    }
    status_ = line < 0 ? ModelError(name_, message) : LineError(name_, line + 1, message);
  }

 private:
  const absl::string_view name_;
  absl::Status status_;
};

absl::Status CheckVersion(const ModelDef& model, absl::string_view name) {
  const int64_t version = model.format_version();
  if (version == 0) {
    return ModelError(name, absl::StrCat("`format_version: ", kLastVersion, "` is missing"));
  }
  if (version >= kFirstVersion && version <= kLastVersion) return absl::OkStatus();
  const std::string known = kFirstVersion == kLastVersion
                                ? absl::StrCat("version ", kLastVersion)
                                : absl::StrCat("versions ", kFirstVersion, " to ", kLastVersion);
  return ModelError(
      name, absl::StrCat("has format_version ", version, ", but this program knows ", known));
}

absl::Status CheckModel(const ModelDef& model, absl::string_view name) {
  RETURN_IF_ERROR(CheckVersion(model, name));
  return model.has_graph() ? absl::OkStatus() : ModelError(name, "`graph { }` is missing");
}

absl::Status CheckSize(int64_t bytes, absl::string_view in, absl::string_view name,
                       const ModelLimits& limits) {
  if (bytes <= limits.file_bytes) return absl::OkStatus();
  return ModelError(name, absl::StrCat("must have at most ", limits.file_bytes, " bytes", in,
                                       ", but has ", bytes));
}

absl::Status CheckBinary(absl::string_view bytes, absl::string_view name,
                         const ModelLimits& limits) {
  const WireLimits wire_limits = {
      static_cast<int>(limits.depth),
      limits.memory_bytes,
      {{"flowgrad.GraphDef.node", limits.nodes}, {"flowgrad.NodeDef.attribute", limits.attributes}},
  };
  const absl::Status status = CheckWire(bytes, ModelDef::descriptor(), wire_limits);
  return status.ok() ? status : ModelError(name, status.message());
}

// The text as it would be in binary must pass: it may hold escapes that are no UTF-8, or be larger.
absl::Status CheckAsBinary(const ModelDef& model, absl::string_view name,
                           const ModelLimits& limits) {
  const auto bytes = static_cast<int64_t>(model.ByteSizeLong());
  RETURN_IF_ERROR(CheckSize(bytes, " in binary", name, limits));
  return CheckBinary(model.SerializeAsString(), name, limits);
}

// A file of a version that we do not know may well be full of fields that we do not know: the
// version is the better message.
absl::StatusOr<ModelDef> ParseBinary(absl::string_view bytes, absl::string_view name,
                                     const ModelLimits& limits) {
  constexpr int kEnough = 8;
  for (const WireField& field : TopLevelFields(bytes, kEnough)) {
    ModelDef model;
    model.set_format_version(static_cast<int64_t>(field.value));
    const bool is_version =
        field.number == ModelDef::kFormatVersionFieldNumber && field.wire_type == 0;
    if (is_version) RETURN_IF_ERROR(CheckVersion(model, name));
  }
  RETURN_IF_ERROR(CheckBinary(bytes, name, limits));
  ModelDef model;
  pb::io::CodedInputStream stream(reinterpret_cast<const uint8_t*>(bytes.data()),
                                  static_cast<int>(bytes.size()));
  stream.SetRecursionLimit(static_cast<int>(limits.depth));
  stream.SetTotalBytesLimit(static_cast<int>(limits.file_bytes));
  if (!model.ParseFromCodedStream(&stream) || !stream.ConsumedEntireMessage()) {
    return ModelError(name, "is not a model file: protobuf cannot read it");
  }
  RETURN_IF_ERROR(CheckModel(model, name));
  return model;
}

// The line of the first byte that is not UTF-8 or that no text has, 0 if there is none.
int64_t LineOfBinaryByte(absl::string_view text) {
  int64_t line = 0;
  for (const absl::string_view content : absl::StrSplit(text, '\n')) {
    ++line;
    const bool has_nul = content.find('\0') != absl::string_view::npos;
    if (has_nul || !IsUtf8(content)) return line;
  }
  return 0;
}

// The memory that text turns into, on the safe side: each brace may be a message, each pair of
// quotes a string. Numbers grow by less than the limit allows in any case.
int64_t HeapEstimate(absl::string_view text) {
  constexpr int64_t kMessageBytes = 256;
  constexpr int64_t kStringBytes = 64;
  const auto count = [&](char c) -> int64_t { return std::count(text.begin(), text.end(), c); };
  return kMessageBytes * (count('{') + count('<')) +
         kStringBytes * ((count('"') + count('\'')) / 2);
}

absl::StatusOr<ModelDef> ParseText(absl::string_view text, absl::string_view name,
                                   const ModelLimits& limits) {
  if (const int64_t line = LineOfBinaryByte(text); line > 0) {
    return LineError(name, line, "is not a model file: this line is not UTF-8 text");
  }
  if (HeapEstimate(text) > limits.memory_bytes) {
    return ModelError(name, absl::StrCat("would take more than ", limits.memory_bytes >> 20,
                                         " MiB of memory, for all its braces and quotes"));
  }
  absl::ConsumePrefix(&text, "\xef\xbb\xbf");
  FirstError error(name);
  pb::TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  // Without it 30 KB of "node {" overflow the stack.
  parser.SetRecursionLimit(static_cast<int>(limits.depth));
  ModelDef model;
  pb::io::ArrayInputStream stream(text.data(), static_cast<int>(text.size()));
  if (!parser.Parse(&stream, &model)) {
    // What came before the error has been read.
    if (model.format_version() != 0) RETURN_IF_ERROR(CheckVersion(model, name));
    RETURN_IF_ERROR(error.status());
    return ModelError(name, "is not a model file: protobuf cannot read it");
  }
  RETURN_IF_ERROR(CheckModel(model, name));
  RETURN_IF_ERROR(CheckAsBinary(model, name, limits));
  return model;
}

bool IsText(absl::string_view bytes) {
  return absl::ascii_isspace(bytes[0]) || static_cast<uint8_t>(bytes[0]) >= 0x20;
}

}  // namespace

absl::StatusOr<ModelDef> ReadModelFile(absl::string_view path, const ModelLimits& limits) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path, WithinInt(limits).file_bytes));
  return ParseModel(bytes, path, limits);
}

absl::StatusOr<ModelDef> ParseModel(absl::string_view bytes, absl::string_view name,
                                    const ModelLimits& given_limits) {
  SilenceProtobuf();
  const ModelLimits limits = WithinInt(given_limits);
  if (bytes.empty()) return ModelError(name, "file is empty");
  RETURN_IF_ERROR(CheckSize(static_cast<int64_t>(bytes.size()), "", name, limits));
  if (const std::string kind = ForeignKind(bytes); !kind.empty()) {
    return ModelError(name, absl::StrCat("is not a model file: it looks like ", kind));
  }
  return IsText(bytes) ? ParseText(bytes, name, limits) : ParseBinary(bytes, name, limits);
}

absl::Status WriteModelFile(const ModelDef& model, absl::string_view path) {
  SilenceProtobuf();
  RETURN_IF_ERROR(CheckModel(model, path));
  RETURN_IF_ERROR(CheckAsBinary(model, path, ModelLimits()));
  if (!absl::EndsWith(path, ".pbtxt")) return WriteFileAtomically(path, model.SerializeAsString());
  return WriteFileAtomically(path, ModelText(model));
}

std::string ModelText(const pb::Message& model) {
  pb::TextFormat::Printer printer;
  printer.SetUseUtf8StringEscaping(true);
  printer.SetUseShortRepeatedPrimitives(true);
  std::string text;
  printer.PrintToString(model, &text);
  return text;
}

}  // namespace flowgrad
