#include "training/checkpoint.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/checksum.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "nlohmann/json.hpp"

namespace flowgrad {
namespace {

using Json = nlohmann::ordered_json;

constexpr absl::string_view kStepPrefix = "step-", kTemporarySuffix = ".tmp";
constexpr char kManifest[] = "manifest.json", kStates[] = "states.safetensors",
               kHistory[] = "history.csv";
// The first line of a manifest: this, the version, and the checksum of the lines after it.
constexpr absl::string_view kMagic = "flowgrad-checkpoint ";
constexpr absl::string_view kVersion = "1";
constexpr int64_t kMostManifestBytes = 64 << 20, kMostHistoryBytes = int64_t{1} << 30;

std::string NameOfStep(int64_t step) { return absl::StrFormat("%s%012d", kStepPrefix, step); }

std::string Below(absl::string_view folder, absl::string_view name) {
  return absl::StrCat(folder, "/", name);
}

absl::string_view BytesOf(const Tensor& tensor) {
  return {reinterpret_cast<const char*>(tensor.bytes()), static_cast<size_t>(tensor.num_bytes())};
}

std::string ChecksumOfAll(absl::Span<const absl::string_view> pieces) {
  Checksum sum;
  for (const absl::string_view piece : pieces) sum.Add(piece);
  return sum.HexDigits();
}

Json FileEntry(absl::Span<const absl::string_view> pieces) {
  int64_t bytes = 0;
  for (const absl::string_view piece : pieces) bytes += static_cast<int64_t>(piece.size());
  return {{"bytes", bytes}, {"xxh3", ChecksumOfAll(pieces)}};
}

std::string ManifestText(const Checkpoint& checkpoint, const TensorPieces& states) {
  Json manifest;
  manifest["step"] = checkpoint.step;
  manifest["run"] = checkpoint.identity;
  manifest["counts"] = checkpoint.counts;
  const std::vector<absl::string_view> views = states.views();
  manifest["files"][kStates] = FileEntry(views);
  const absl::string_view history = checkpoint.history;
  manifest["files"][kHistory] = FileEntry({&history, 1});
  Json& tensors = manifest["tensors"] = Json::object();
  for (const auto& [name, tensor] : checkpoint.states) {
    tensors[name] = ChecksumOf(BytesOf(tensor.Contiguous()));
  }
  const std::string text = absl::StrCat(manifest.dump(1), "\n");
  return absl::StrCat(kMagic, kVersion, " ", ChecksumOf(text), "\n", text);
}

// The lines after the first, if they are what was written.
absl::StatusOr<Json> ParseManifest(absl::string_view text) {
  if (!absl::ConsumePrefix(&text, kMagic)) {
    return absl::DataLossError(
        absl::StrCat("is not a checkpoint's manifest: it must begin with ", Quoted(kMagic)));
  }
  const size_t end = text.find('\n');
  const std::vector<std::string> words = absl::StrSplit(text.substr(0, end), ' ');
  if (end == text.npos || words.size() != 2) {
    return absl::DataLossError("is damaged: the first line is not whole");
  }
  if (words[0] != kVersion) {
    return absl::DataLossError(absl::StrCat("is of version ", Quoted(words[0]),
                                            ", but this program reads version ", kVersion));
  }
  text.remove_prefix(end + 1);
  if (const std::string sum = ChecksumOf(text); sum != words[1]) {
    return absl::DataLossError(absl::StrCat("is damaged: its checksum must be ", Quoted(words[1]),
                                            ", but is ", Quoted(sum)));
  }
  Json manifest = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (!manifest.is_object()) return absl::DataLossError("is no JSON object");
  return manifest;
}

// Looks at every byte. The whole file is read once, so a file that changes meanwhile is refused by
// the checksums of its parts.
absl::Status CheckFile(const std::string& path, const Json& entry, int64_t most_bytes) {
  ASSIGN_OR_RETURN(const InputFile file, InputFile::Open(path, most_bytes));
  const int64_t bytes = entry.at("bytes").get<int64_t>();
  if (file.size() != bytes) {
    return InFile(path, absl::DataLossError(
                            absl::StrCat("must have ", bytes, " bytes, but has ", file.size())));
  }
  Checksum sum;
  std::string buffer(1 << 20, '\0');
  for (int64_t offset = 0; offset < bytes;) {
    const auto count = std::min<int64_t>(static_cast<int64_t>(buffer.size()), bytes - offset);
    RETURN_IF_ERROR(file.ReadAt(offset, buffer.data(), count));
    sum.Add(buffer.data(), count);
    offset += count;
  }
  if (sum.HexDigits() == entry.at("xxh3").get<std::string>()) return absl::OkStatus();
  return InFile(path, absl::DataLossError("is damaged: its checksum is not that of the manifest"));
}

// The states, of which each must have its checksum: so the error names one.
absl::StatusOr<std::vector<NamedTensor>> ReadStates(const std::string& path, const Json& manifest) {
  const absl::Status whole = CheckFile(path, manifest.at("files").at(kStates), int64_t{1} << 50);
  if (!whole.ok() && !absl::IsDataLoss(whole)) return whole;
  absl::StatusOr<TensorFile> file = LoadTensors(path);
  if (!file.ok()) return file.status();
  std::vector<NamedTensor> states;
  for (const auto& [name, sum] : manifest.at("tensors").items()) {
    const auto tensor = file->tensors.find(name);
    if (tensor == file->tensors.end()) {
      return InFile(path, absl::DataLossError(absl::StrCat("lacks tensor ", Quoted(name))));
    }
    if (ChecksumOf(BytesOf(tensor->second)) != sum.get<std::string>()) {
      return InFile(path, absl::DataLossError(absl::StrCat("tensor ", Quoted(name),
                                                           " is damaged: its checksum is not that "
                                                           "of the manifest")));
    }
    states.emplace_back(name, tensor->second);
  }
  RETURN_IF_ERROR(whole);
  return states;
}

absl::StatusOr<Checkpoint> Read(const std::string& folder) {
  const std::string manifest_path = Below(folder, kManifest);
  ASSIGN_OR_RETURN(const std::string text, ReadFile(manifest_path, kMostManifestBytes));
  const absl::StatusOr<Json> manifest = ParseManifest(text);
  if (!manifest.ok()) return InFile(manifest_path, manifest.status());
  Checkpoint checkpoint;
  try {
    checkpoint.step = manifest->at("step").get<int64_t>();
    checkpoint.identity = manifest->at("run").get<RunIdentity>();
    checkpoint.counts = manifest->at("counts").get<std::map<std::string, std::string>>();
    const std::string history_path = Below(folder, kHistory);
    RETURN_IF_ERROR(CheckFile(history_path, manifest->at("files").at(kHistory), kMostHistoryBytes));
    ASSIGN_OR_RETURN(checkpoint.history, ReadFile(history_path, kMostHistoryBytes));
    ASSIGN_OR_RETURN(checkpoint.states, ReadStates(Below(folder, kStates), *manifest));
  } catch (const Json::exception& error) {
    // With the right checksum: written by something else than this program.
    return InFile(manifest_path, absl::DataLossError(absl::StrCat(
                                     "is not what this program writes: ", Escaped(error.what()))));
  }
  return checkpoint;
}

}  // namespace

std::string Differences(const RunIdentity& was, const RunIdentity& is) {
  std::string lines;
  const auto add = [&](absl::string_view key, absl::string_view before, absl::string_view after) {
    absl::StrAppend(&lines, lines.empty() ? "" : "\n", key, ": was ", Quoted(before), ", but is ",
                    Quoted(after));
  };
  for (const auto& [key, text] : was) {
    const auto now = is.find(key);
    const std::string after = now == is.end() ? "" : now->second;
    if (after != text) add(key, text, after);
  }
  for (const auto& [key, text] : is) {
    if (was.count(key) == 0 && !text.empty()) add(key, "", text);
  }
  return lines;
}

absl::StatusOr<Checkpoint> ReadCheckpoint(absl::string_view folder) {
  return Read(std::string(folder));
}

absl::StatusOr<std::vector<int64_t>> StepsOfCheckpoints(absl::string_view folder) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, NamesIn(folder));
  std::vector<int64_t> steps;
  for (const std::string& name : names) {
    int64_t step;
    absl::string_view digits = name;
    if (absl::ConsumePrefix(&digits, kStepPrefix) && absl::SimpleAtoi(digits, &step) &&
        NameOfStep(step) == name) {
      steps.push_back(step);
    }
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

std::string FolderOfCheckpoint(absl::string_view folder, int64_t step) {
  return Below(std::string(folder), NameOfStep(step));
}

absl::StatusOr<Checkpoint> LoadNewestCheckpoint(
    absl::string_view folder, const std::function<void(const absl::Status&)>& refused) {
  ASSIGN_OR_RETURN(std::vector<int64_t> steps, StepsOfCheckpoints(folder));
  if (steps.empty()) return InFile(folder, absl::NotFoundError("has no checkpoint"));
  std::reverse(steps.begin(), steps.end());
  for (const int64_t step : steps) {
    absl::StatusOr<Checkpoint> checkpoint = ReadCheckpoint(FolderOfCheckpoint(folder, step));
    if (checkpoint.ok() && checkpoint->step != step) {
      checkpoint = InFile(FolderOfCheckpoint(folder, step),
                          absl::DataLossError(absl::StrCat("is of step ", checkpoint->step)));
    }
    if (checkpoint.ok()) return checkpoint;
    refused(checkpoint.status());
  }
  return InFile(folder, absl::DataLossError(absl::StrCat(
                            "none of its ", steps.size(),
                            " checkpoints is whole; to start anew, name another folder")));
}

absl::StatusOr<CheckpointFolder> CheckpointFolder::Open(absl::string_view path) {
  RETURN_IF_ERROR(MakeFolders(path));
  ASSIGN_OR_RETURN(FolderLock lock, FolderLock::Take(path));
  ASSIGN_OR_RETURN(const std::vector<std::string> names, NamesIn(path));
  for (const std::string& name : names) {
    const bool is_ours = absl::StartsWith(name, absl::StrCat(".", kStepPrefix)) ||
                         absl::StartsWith(name, kTemporaryPrefix);
    if (!is_ours || !absl::EndsWith(name, kTemporarySuffix)) continue;
    RETURN_IF_ERROR(RemoveFolderOfFiles(Below(path, name)));
  }
  return CheckpointFolder(std::string(path), std::move(lock));
}

absl::Status CheckpointFolder::Save(const Checkpoint& checkpoint) {
  // The same run has the same bits at the same step.
  const std::string folder = FolderOfCheckpoint(path_, checkpoint.step);
  const absl::StatusOr<Checkpoint> there = ReadCheckpoint(folder);
  if (there.ok() && there->identity == checkpoint.identity) return absl::OkStatus();
  ASSIGN_OR_RETURN(const TensorPieces states, PiecesOfTensors(checkpoint.states, {}));
  const std::string manifest = ManifestText(checkpoint, states);
  const std::string temporary =
      absl::StrCat(path_, "/.", NameOfStep(checkpoint.step), "-", getpid(), kTemporarySuffix);
  const auto write = [&]() -> absl::Status {
    RETURN_IF_ERROR(WriteNewFile(Below(temporary, kStates), states.views()));
    const absl::string_view history = checkpoint.history, text = manifest;
    RETURN_IF_ERROR(WriteNewFile(Below(temporary, kHistory), {&history, 1}));
    RETURN_IF_ERROR(WriteNewFile(Below(temporary, kManifest), {&text, 1}));
    RETURN_IF_ERROR(FlushFolder(temporary));
    if (IsFolder(folder)) RETURN_IF_ERROR(RemoveFolderOfFiles(folder));
    return RenameFolder(temporary, folder);
  };
  RETURN_IF_ERROR(MakeFolder(temporary));
  const absl::Status status = write();
  if (!status.ok() && IsFolder(temporary)) RemoveFolderOfFiles(temporary).IgnoreError();
  return status;
}

absl::Status CheckpointFolder::Prune(int keep, const std::vector<int64_t>& kept) {
  ASSIGN_OR_RETURN(const std::vector<int64_t> steps, StepsOfCheckpoints(path_));
  const int count = static_cast<int>(steps.size());
  for (int i = 0; i + keep < count; ++i) {
    if (std::find(kept.begin(), kept.end(), steps[i]) != kept.end()) continue;
    RETURN_IF_ERROR(RemoveFolderOfFiles(FolderOfCheckpoint(path_, steps[i])));
  }
  return absl::OkStatus();
}

}  // namespace flowgrad
