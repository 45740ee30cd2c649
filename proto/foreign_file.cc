#include "proto/foreign_file.h"

#include <cstdint>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "proto/wire_check.h"

namespace flowgrad {
namespace {

struct Beginning {
  absl::string_view bytes;
  const char* kind;
};

// None of these can begin a model: text begins with a field's name or "#", binary with 0x08, 0x12
// or 0x1a.
constexpr Beginning kBeginnings[] = {
    {"version https://git-lfs", "a Git LFS pointer; fetch the file itself with git lfs pull"},
    {"PK\x03\x04", "a ZIP archive"},
    {"\x1f\x8b", "gzip data"},
    {"BZh", "bzip2 data"},
    {"\xfd"
     "7zXZ",
     "xz data"},
    {"\x93NUMPY", "a NumPy array"},
    {"\x89HDF\r\n\x1a\n", "an HDF5 file"},
    {"\x89PNG", "a picture"},
    {"\x80\x02", "a Python pickle"},
    {"\x80\x04", "a Python pickle"},
    {"GGUF", "a GGUF file"},
    {"%PDF", "a PDF document"},
    {"\x7f"
     "ELF",
     "a program"},
};

bool IsHtml(absl::string_view text) {
  return absl::StartsWithIgnoreCase(text, "<!doctype") ||
         absl::StartsWithIgnoreCase(text, "<html") || absl::StartsWith(text, "<?xml");
}

// 8 bytes of length and a JSON object of at most that length.
bool IsSafetensors(absl::string_view bytes) {
  if (bytes.size() < 10 || bytes[8] != '{') return false;
  uint64_t length = 0;
  for (int i = 7; i >= 0; --i) length = length << 8 | static_cast<uint8_t>(bytes[i]);
  return length <= bytes.size() - 8;
}

// onnx.ModelProto has the graph in field 7 and the operator sets in field 8, ours ends with
// field 3.
bool IsOnnx(absl::string_view bytes) {
  constexpr int kEnough = 1000;
  constexpr int kLengthDelimited = 2;
  bool has_graph = false;
  bool has_opset = false;
  for (const WireField& field : TopLevelFields(bytes, kEnough)) {
    has_graph |= field.number == 7 && field.wire_type == kLengthDelimited;
    has_opset |= field.number == 8 && field.wire_type == kLengthDelimited;
  }
  return has_graph && has_opset;
}

}  // namespace

std::string ForeignKind(absl::string_view bytes) {
  for (const Beginning& beginning : kBeginnings) {
    if (absl::StartsWith(bytes, beginning.bytes)) return beginning.kind;
  }
  if (IsSafetensors(bytes)) return "safetensors, which hold weights";
  if (IsOnnx(bytes)) return "an ONNX model; flowgrad convert reads those";
  absl::ConsumePrefix(&bytes, "\xef\xbb\xbf");
  const absl::string_view text = absl::StripLeadingAsciiWhitespace(bytes);
  if (IsHtml(text)) return "an HTML page";
  if (absl::StartsWith(text, "{") || absl::StartsWith(text, "[")) return "JSON";
  return "";
}

}  // namespace flowgrad
