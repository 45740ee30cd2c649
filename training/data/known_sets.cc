#include "training/data/known_sets.h"

#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "training/data/byte_source.h"
#include "training/data/data_field.h"
#include "training/data/idx_data.h"
#include "training/data/record_field.h"

namespace flowgrad {
namespace {

constexpr absl::string_view kFashionMnist = "fashion-mnist";
constexpr absl::string_view kTicTacToe = "tic-tac-toe";
constexpr absl::string_view kModulo3 = "modulo-3";
constexpr int64_t kImageSide = 28;

std::vector<std::string> FashionClasses() {
  return {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
          "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
}

// Opens `folder`/`name`.gz, or the same without ".gz".
absl::StatusOr<InputFile> OpenFashionFile(absl::string_view folder, absl::string_view name) {
  const std::string path = absl::StrCat(folder, "/", name);
  for (const absl::string_view ending : {".gz", ""}) {
    absl::StatusOr<InputFile> file =
        InputFile::Open(absl::StrCat(path, ending), std::numeric_limits<int64_t>::max());
    if (file.ok() || !absl::IsNotFound(file.status())) return file;
  }
  return absl::NotFoundError(absl::StrCat(
      PathText(path), ".gz: data set \"fashion-mnist\" is not here; install the package ",
      "dataset-fashion-mnist, or name the folder that has it with --data"));
}

// The bytes of one file as a field; an image is a row of pixels.
absl::StatusOr<std::shared_ptr<const DataField>> FashionField(
    const std::string& name, bool images, std::shared_ptr<const ByteSource> source) {
  ASSIGN_OR_RETURN(const IdxHeader header, ReadIdxHeader(*source));
  const Dims& dims = header.dims;
  const bool fits = header.element == Element::kUint8 &&
                    (images ? dims.size() == 3 && dims[1] == kImageSide && dims[2] == kImageSide
                            : dims.size() == 1);
  if (!fits) {
    return absl::DataLossError(absl::StrCat(name, " must be uint8", images ? "[N,28,28]" : "[N]",
                                            ", but are ", ElementName(header.element),
                                            DimsString(dims)));
  }
  FieldInfo info = {.name = name, .num_samples = dims[0]};
  if (images) {
    info.sample_dims = {kImageSide * kImageSide};
    info.dtypes = {DType::kFloat, DType::kDouble};
  } else {
    info.natural = DType::kInt64;
    info.dtypes = {DType::kInt32, DType::kInt64};
    info.names = FashionClasses();
  }
  const int64_t stride = NumElements(info.sample_dims);
  return RecordField(std::move(info), {.pixels = images, .start = header.start, .stride = stride},
                     std::move(source));
}

// What Names() promises.
absl::Status CheckLabels(const ByteSource& source) {
  constexpr int64_t kStart = 8;
  std::vector<uint8_t> labels(source.size() - kStart);
  RETURN_IF_ERROR(source.ReadAt(kStart, labels.data(), labels.size()));
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < FashionClasses().size()) continue;
    return absl::DataLossError(
        absl::StrCat(source.Where(kStart + i), ": label must be from 0 to 9, but is ", labels[i]));
  }
  return absl::OkStatus();
}

absl::StatusOr<DataSet> FashionPart(absl::string_view folder, absl::string_view prefix,
                                    MemoryBudget& memory) {
  std::vector<std::shared_ptr<const DataField>> fields;
  for (const bool images : {true, false}) {
    ASSIGN_OR_RETURN(
        InputFile file,
        OpenFashionFile(folder,
                        absl::StrCat(prefix, images ? "-images-idx3" : "-labels-idx1", "-ubyte")));
    const std::string path = file.path();
    ASSIGN_OR_RETURN(const std::shared_ptr<const ByteSource> source,
                     OpenBytes(std::move(file), memory));
    absl::StatusOr<std::shared_ptr<const DataField>> field =
        FashionField(images ? "images" : "labels", images, source);
    if (!field.ok()) return InFile(path, field.status());
    if (!images) RETURN_IF_ERROR(CheckLabels(*source));
    fields.push_back(*std::move(field));
  }
  return DataSet::OfFields(std::move(fields));
}

// Two fields of small numbers, in memory.
absl::StatusOr<DataParts> Generated(absl::string_view set, std::string inputs, int64_t width,
                                    const std::vector<uint8_t>& values,
                                    const std::vector<uint8_t>& labels) {
  const auto field = [&](std::string name, Dims sample_dims, DType natural,
                         const std::vector<uint8_t>& numbers) {
    const auto owner = std::make_shared<const std::vector<uint8_t>>(numbers);
    const absl::string_view bytes(reinterpret_cast<const char*>(owner->data()), owner->size());
    FieldInfo info = {.name = std::move(name),
                      .num_samples = static_cast<int64_t>(labels.size()),
                      .sample_dims = std::move(sample_dims),
                      .natural = natural,
                      .dtypes = DTypesOf(Element::kUint8)};
    const int64_t stride = NumElements(info.sample_dims);
    return RecordField(std::move(info), {.stride = stride, .unit = stride},
                       BytesInMemory(absl::StrCat("data set ", set), "sample", bytes, owner));
  };
  ASSIGN_OR_RETURN(DataSet all,
                   DataSet::OfFields({field(std::move(inputs), {width}, DType::kFloat, values),
                                      field("label", {}, DType::kInt64, labels)}));
  return DataParts{all, all};
}

absl::StatusOr<DataParts> TicTacToe() {
  constexpr int kLines[8] = {0007, 0070, 0700, 0111, 0222, 0444, 0421, 0124};
  std::vector<uint8_t> boards, labels;
  for (int board = 0; board < 512; ++board) {
    bool won = false;
    for (const int line : kLines) won = won || (board & line) == line;
    for (int cell = 0; cell < 9; ++cell) boards.push_back(board >> cell & 1);
    labels.push_back(won);
  }
  return Generated(kTicTacToe, "board", 9, boards, labels);
}

absl::StatusOr<DataParts> Modulo3() {
  std::vector<uint8_t> bits, labels;
  for (int number = 0; number < 16; ++number) {
    for (int bit = 0; bit < 4; ++bit) bits.push_back(number >> bit & 1);
    labels.push_back(number % 3);
  }
  return Generated(kModulo3, "bits", 4, bits, labels);
}

}  // namespace

bool IsKnownSet(absl::string_view name) {
  return name == kFashionMnist || name == kTicTacToe || name == kModulo3;
}

absl::StatusOr<DataParts> OpenKnownSet(absl::string_view name, absl::string_view folder,
                                       int64_t memory_bytes) {
  const bool generated = name == kTicTacToe || name == kModulo3;
  if (!IsKnownSet(name)) {
    const std::vector<std::string> known = {std::string(kFashionMnist), std::string(kModulo3),
                                            std::string(kTicTacToe)};
    const std::string near = DidYouMean(name, known);
    return absl::NotFoundError(absl::StrCat(
        "data set ", Quoted(name), " is not known",
        near.empty() ? absl::StrCat("; known are ", absl::StrJoin(known, ", ")) : near));
  }
  if (generated && !folder.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("data set ", name,
                                                   " is made by rule and takes no files, but ",
                                                   Quoted(folder), " is given"));
  }
  if (generated) return name == kTicTacToe ? TicTacToe() : Modulo3();
  const std::string place =
      folder.empty() ? absl::StrCat("/usr/share/datasets/", kFashionMnist) : std::string(folder);
  MemoryBudget memory(memory_bytes);
  ASSIGN_OR_RETURN(DataSet train, FashionPart(place, "train", memory));
  ASSIGN_OR_RETURN(DataSet test, FashionPart(place, "t10k", memory));
  return DataParts{std::move(train), std::move(test)};
}

}  // namespace flowgrad
