#include "training/data/text_data.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "training/data/byte_stream.h"
#include "training/data/field_files.h"
#include "training/data/record_field.h"

namespace flowgrad {
namespace {

constexpr uint32_t kNumCodePoints = 0x110000;
constexpr int64_t kSplitRun = 64;  // samples

// Characters of a file, one after another.
class CharacterReader {
 public:
  explicit CharacterReader(ByteStream& stream) : stream_(stream), buffer_(kBufferBytes) {}

  // False at the end.
  absl::StatusOr<bool> Next(uint32_t& character) {
    if (end_ - place_ < kLongest && !at_end_) RETURN_IF_ERROR(Refill());
    if (place_ == end_) return false;
    const auto* bytes = reinterpret_cast<const uint8_t*>(buffer_.data()) + place_;
    const int length = Decode(bytes, end_ - place_, character);
    if (length == 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          PathText(stream_.path()), ": ", stream_.is_gzip() ? "unpacked " : "", "byte ",
          offset_ + place_, " must begin a character of UTF-8, but is ", bytes[0]));
    }
    place_ += length;
    line_ += after_newline_;
    after_newline_ = character == '\n';
    return true;
  }

  int64_t line() const { return line_; }  // of the last character

 private:
  static constexpr int64_t kBufferBytes = 256 << 10;
  static constexpr int64_t kLongest = 4;  // bytes of a character

  absl::Status Refill() {
    std::copy(buffer_.begin() + place_, buffer_.begin() + end_, buffer_.begin());
    offset_ += place_;
    end_ -= place_;
    place_ = 0;
    while (end_ < kLongest && !at_end_) {
      ASSIGN_OR_RETURN(const int64_t count,
                       stream_.Read(buffer_.data() + end_, kBufferBytes - end_));
      end_ += count;
      at_end_ = count == 0;
    }
    return absl::OkStatus();
  }

  // Bytes of the character that `bytes` begin with: 0 if they are no UTF-8.
  static int Decode(const uint8_t* bytes, int64_t count, uint32_t& character) {
    const uint8_t first = bytes[0];
    character = first;
    if (first < 0x80) return 1;
    const int length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || count < length) return 0;
    character = first & (0x7f >> length);
    for (int i = 1; i < length; ++i) {
      if ((bytes[i] & 0xc0) != 0x80) return 0;
      character = character << 6 | (bytes[i] & 0x3f);
    }
    constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = character >= 0xd800 && character < 0xe000;
    return character < kLeast[length] || character >= kNumCodePoints || surrogate ? 0 : length;
  }

  ByteStream& stream_;
  std::vector<char> buffer_;
  int64_t place_ = 0, end_ = 0;  // of what is left in the buffer
  int64_t offset_ = 0;           // of the buffer in the text
  int64_t line_ = 1;
  bool after_newline_ = false;
  bool at_end_ = false;
};

std::string Utf8(uint32_t character) {
  const auto byte = [](uint32_t bits) { return static_cast<char>(bits); };
  const auto tail = [&](int shift) { return byte(0x80 | (character >> shift & 0x3f)); };
  if (character < 0x80) return {byte(character)};
  if (character < 0x800) return {byte(0xc0 | character >> 6), tail(0)};
  if (character < 0x10000) return {byte(0xe0 | character >> 12), tail(6), tail(0)};
  return {byte(0xf0 | character >> 18), tail(12), tail(6), tail(0)};
}

// The different characters of a text and their numbers.
struct Alphabet {
  std::string path;                  // of the text
  std::vector<int32_t> numbers;      // by code point; -1: not there
  std::vector<std::string> letters;  // by number

  // Bytes that a number takes.
  Element element() const {
    if (letters.size() <= 1 << 8) return Element::kUint8;
    return letters.size() <= 1 << 16 ? Element::kUint16 : Element::kInt32;
  }
};

absl::StatusOr<Alphabet> AlphabetOf(ByteStream& stream) {
  Alphabet alphabet = {stream.path(), std::vector<int32_t>(kNumCodePoints, -1), {}};
  CharacterReader reader(stream);
  uint32_t character;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, reader.Next(character));
    if (!more) break;
    alphabet.numbers[character] = 0;
  }
  for (uint32_t c = 0; c < kNumCodePoints; ++c) {
    if (alphabet.numbers[c] < 0) continue;
    alphabet.numbers[c] = static_cast<int32_t>(alphabet.letters.size());
    alphabet.letters.push_back(Utf8(c));
  }
  return alphabet;
}

// The text as numbers of its characters.
absl::StatusOr<std::shared_ptr<const ByteSource>> Encode(ByteStream& stream,
                                                         const Alphabet& alphabet,
                                                         MemoryBudget& memory) {
  const int64_t size = ElementSize(alphabet.element());
  Spool spool(stream.path(), "character", memory);
  CharacterReader reader(stream);
  std::string piece;
  uint32_t character;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, reader.Next(character));
    if (!more) break;
    const int32_t number = alphabet.numbers[character];
    if (number < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat(PathText(stream.path()), ":", reader.line(), ": has the character ",
                       Quoted(Utf8(character)), ", which ", PathText(alphabet.path), " has not"));
    }
    // The low bytes come first.
    piece.append(reinterpret_cast<const char*>(&number), size);
    if (piece.size() < 64 << 10) continue;
    RETURN_IF_ERROR(spool.Append(piece));
    piece.clear();
  }
  RETURN_IF_ERROR(spool.Append(piece));
  return spool.Finish();
}

absl::StatusOr<DataSet> Windows(std::shared_ptr<const ByteSource> codes, const Alphabet& alphabet,
                                const TextDataOptions& options) {
  const int64_t size = ElementSize(alphabet.element());
  const int64_t characters = codes->size() / size;
  if (characters - 1 < options.length) {
    return InFile(codes->name(), absl::InvalidArgumentError(absl::StrCat(
                                     "must have at least a character more than the length ",
                                     options.length, " of a window, but has ", characters)));
  }
  const int64_t stride =
      std::min(options.stride == 0 ? options.length : options.stride, characters);
  FieldInfo info = {.name = "text",
                    .num_samples = (characters - 1 - options.length) / stride + 1,
                    .sample_dims = {options.length},
                    .natural = DType::kInt64,
                    .dtypes = {DType::kInt32, DType::kInt64},
                    .names = alphabet.letters};
  RecordLayout layout = {.element = alphabet.element(), .stride = stride * size, .unit = size};
  const auto text = RecordField(info, layout, codes);
  info.name = "next";
  layout.start = size;
  return DataSet::OfFields({text, RecordField(std::move(info), layout, std::move(codes))});
}

}  // namespace

absl::Status CheckTextDataOptions(const TextDataOptions& options) {
  if (options.length < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("length must be 1 or more, but is ", options.length));
  }
  if (options.stride < 0 || options.vocabulary < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.stride < 0 ? "stride" : "vocabulary", " must be 0 or more, but is ",
                     options.stride < 0 ? options.stride : options.vocabulary));
  }
  return absl::OkStatus();
}

absl::StatusOr<DataParts> ReadText(InputFile file, std::optional<InputFile> test_file,
                                   const TextDataOptions& options, MemoryBudget& memory) {
  RETURN_IF_ERROR(CheckTextDataOptions(options));
  ASSIGN_OR_RETURN(ByteStream stream, ByteStream::Open(std::move(file)));
  ASSIGN_OR_RETURN(const Alphabet alphabet, AlphabetOf(stream));
  const int64_t different = static_cast<int64_t>(alphabet.letters.size());
  if (options.vocabulary != 0 && different > options.vocabulary) {
    return InFile(stream.path(), absl::InvalidArgumentError(absl::StrCat(
                                     "must have at most ", options.vocabulary,
                                     " different characters (vocabulary), but has ", different)));
  }
  RETURN_IF_ERROR(stream.Rewind());
  ASSIGN_OR_RETURN(std::shared_ptr<const ByteSource> codes, Encode(stream, alphabet, memory));
  ASSIGN_OR_RETURN(DataSet train, Windows(std::move(codes), alphabet, options));
  std::optional<DataSet> test;
  if (test_file) {
    ASSIGN_OR_RETURN(ByteStream test_stream, ByteStream::Open(*std::move(test_file)));
    ASSIGN_OR_RETURN(codes, Encode(test_stream, alphabet, memory));
    ASSIGN_OR_RETURN(test, Windows(std::move(codes), alphabet, options));
  }
  return PartsOf(std::move(train), std::move(test), options.split, kSplitRun);
}

absl::StatusOr<DataParts> OpenText(absl::string_view path, const TextDataOptions& options) {
  constexpr int64_t kAnySize = std::numeric_limits<int64_t>::max();
  ASSIGN_OR_RETURN(InputFile file, InputFile::Open(path, kAnySize));
  std::optional<InputFile> test_file;
  if (!options.test_file.empty()) {
    ASSIGN_OR_RETURN(InputFile test, InputFile::Open(options.test_file, kAnySize));
    test_file.emplace(std::move(test));
  }
  MemoryBudget memory(options.memory_bytes);
  return ReadText(std::move(file), std::move(test_file), options, memory);
}

}  // namespace flowgrad
