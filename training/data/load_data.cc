#include "training/data/load_data.h"

#include <filesystem>
#include <limits>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "proto/training.pb.h"
#include "training/data/csv_data.h"
#include "training/data/field_files.h"
#include "training/data/idx_data.h"
#include "training/data/known_sets.h"
#include "training/data/npy_data.h"
#include "training/data/text_data.h"

namespace flowgrad {
namespace {

using FileDefs = google::protobuf::RepeatedPtrField<FileDef>;

constexpr int64_t kAnySize = std::numeric_limits<int64_t>::max();

template <class... Parts>
absl::Status SectionError(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat("training.data", parts...));
}

// Opens the files that a model names.
class Files {
 public:
  explicit Files(const DataPlaces& places) : places_(places) {
    std::error_code ignored;
    path_is_folder_ = std::filesystem::is_directory(places.path, ignored);
  }

  // Whether the user names a file for the test part.
  bool has_test_path() const { return !places_.path.empty() && !path_is_folder_; }
  const std::string& test_path() const { return places_.path; }
  absl::StatusOr<InputFile> OpenTestPath() const { return InputFile::Open(places_.path, kAnySize); }

  absl::StatusOr<InputFile> Open(const std::string& name) const {
    // Symbolic links in a folder that the user names are the user's.
    if (path_is_folder_ && IsPathBelow(name)) {
      return InputFile::Open(absl::StrCat(places_.path, "/", name), kAnySize);
    }
    if (path_is_folder_ || !places_.model_folder.empty()) {
      return InputFile::OpenBelow(places_.model_folder, name, kAnySize);
    }
    return InFile(name, absl::InvalidArgumentError(
                            "a model that is no file has no folder whose files it could name"));
  }

  // Of a source with a training file and perhaps one for the test part.
  absl::StatusOr<std::optional<InputFile>> OpenTest(const std::string& name) const {
    std::optional<InputFile> file;
    if (!has_test_path() && name.empty()) return file;
    ASSIGN_OR_RETURN(InputFile open, has_test_path() ? OpenTestPath() : Open(name));
    file.emplace(std::move(open));
    return file;
  }

 private:
  const DataPlaces& places_;
  bool path_is_folder_;
};

absl::Status CheckSplit(const DataDef& data, bool has_test_part) {
  if (!data.has_split()) return absl::OkStatus();
  const double test = data.split().test();
  if (!(test >= 0 && test < 1)) {
    return SectionError(".split.test must be from 0 to less than 1, but is ", Number(test));
  }
  if (!has_test_part) return absl::OkStatus();
  return SectionError(".split must not be given: the data have a test part of their own");
}

DataSplit SplitOf(const DataDef& data) {
  return {.test = data.split().test(), .seed = data.split().has_seed() ? data.split().seed() : 1};
}

absl::StatusOr<DataParts> LoadCsv(const DataDef& data, const Files& files, MemoryBudget& memory) {
  const CsvDef& def = data.csv();
  RETURN_IF_ERROR(CheckSplit(data, !def.test_file().empty()));
  if (def.file().empty()) return SectionError(".csv.file is missing: name a file");
  if (def.separator().size() > 1) {
    return SectionError(".csv.separator must be one character, but is ", Quoted(def.separator()));
  }
  CsvOptions options = {.label = def.label(),
                        .categorical = {def.categorical().begin(), def.categorical().end()},
                        .ignore = {def.ignore().begin(), def.ignore().end()},
                        .no_header = def.no_header(),
                        .standardize = def.standardize(),
                        .split = SplitOf(data)};
  if (!def.separator().empty()) options.separator = def.separator()[0];
  ASSIGN_OR_RETURN(InputFile file, files.Open(def.file()));
  ASSIGN_OR_RETURN(std::optional<InputFile> test, files.OpenTest(def.test_file()));
  return ReadCsv(std::move(file), std::move(test), options, memory);
}

absl::StatusOr<DataParts> LoadText(const DataDef& data, const Files& files, MemoryBudget& memory) {
  const TextDef& def = data.text();
  RETURN_IF_ERROR(CheckSplit(data, !def.test_file().empty()));
  if (def.file().empty()) return SectionError(".text.file is missing: name a file");
  const TextDataOptions options = {.length = def.length(),
                                   .stride = def.stride(),
                                   .vocabulary = def.vocabulary(),
                                   .split = SplitOf(data)};
  if (const absl::Status status = CheckTextDataOptions(options); !status.ok()) {
    return SectionError(".text.", status.message());
  }
  ASSIGN_OR_RETURN(InputFile file, files.Open(def.file()));
  ASSIGN_OR_RETURN(std::optional<InputFile> test, files.OpenTest(def.test_file()));
  return ReadText(std::move(file), std::move(test), options, memory);
}

// `name`: of the field of the section.
absl::StatusOr<std::vector<OpenFieldFile>> OpenAll(const FileDefs& defs, const Files& files,
                                                   absl::string_view name, bool need_fields) {
  std::vector<OpenFieldFile> open;
  for (const FileDef& def : defs) {
    if (def.file().empty()) return SectionError(name, ".file is missing: name a file");
    if (need_fields && def.field().empty()) {
      return SectionError(name, ".field is missing: name the field of ", Quoted(def.file()));
    }
    ASSIGN_OR_RETURN(InputFile file, files.Open(def.file()));
    open.push_back({def.field(), std::move(file)});
  }
  return open;
}

// The sources that have a file for each field, or a few.
template <class Def>
absl::StatusOr<DataParts> LoadFieldFiles(const Def& def, absl::string_view name,
                                         const DataDef& data, const Files& files, bool need_fields,
                                         MemoryBudget& memory, FieldReader read) {
  RETURN_IF_ERROR(CheckSplit(data, def.test_file_size() > 0));
  if (def.file_size() == 0) return SectionError(name, ".file is missing: name a file");
  ASSIGN_OR_RETURN(std::vector<OpenFieldFile> train,
                   OpenAll(def.file(), files, absl::StrCat(name, ".file"), need_fields));
  std::vector<OpenFieldFile> test;
  if (!files.has_test_path()) {
    ASSIGN_OR_RETURN(
        test, OpenAll(def.test_file(), files, absl::StrCat(name, ".test_file"), need_fields));
  } else if (def.file_size() == 1) {
    ASSIGN_OR_RETURN(InputFile file, files.OpenTestPath());
    test.push_back({def.file(0).field(), std::move(file)});
  } else {
    return InFile(files.test_path(), absl::InvalidArgumentError(absl::StrCat(
                                         "one file cannot stand for the ", def.file_size(),
                                         " of the data; give their folder")));
  }
  return ReadFieldFiles(std::move(train), std::move(test), SplitOf(data), memory, read);
}

}  // namespace

std::string ModelFolder(absl::string_view model_path) {
  std::error_code error;
  const std::filesystem::path path{std::string(model_path)};
  if (!std::filesystem::is_symlink(path, error)) return FolderOf(model_path);
  const std::filesystem::path real = std::filesystem::canonical(path, error);
  return error ? FolderOf(model_path) : real.parent_path().string();
}

absl::StatusOr<DataParts> LoadData(const DataDef& data, const DataPlaces& places) {
  const Files files(places);
  MemoryBudget memory(places.memory_bytes);
  switch (data.source_case()) {
    case DataDef::kSet:
      RETURN_IF_ERROR(CheckSplit(data, true));
      return OpenKnownSet(data.set(), places.path, places.memory_bytes);
    case DataDef::kCsv:
      return LoadCsv(data, files, memory);
    case DataDef::kIdx:
      return LoadFieldFiles(data.idx(), ".idx", data, files, true, memory, ReadIdxField);
    case DataDef::kNpy:
      return LoadFieldFiles(data.npy(), ".npy", data, files, false, memory, ReadNpyFields);
    case DataDef::kText:
      return LoadText(data, files, memory);
    case DataDef::SOURCE_NOT_SET:
      break;
  }
  return SectionError(" must have a source: set, csv, idx, npy or text");
}

}  // namespace flowgrad
