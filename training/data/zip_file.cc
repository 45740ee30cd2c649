#include "training/data/zip_file.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "minizip/unzip.h"

namespace flowgrad {
namespace {

constexpr size_t kMostMembers = 1000;
constexpr size_t kMostNameBytes = 1000;
constexpr int64_t kPieceBytes = 256 << 10;
constexpr int kStored = 0;
constexpr int kDeflated = 8;
constexpr int kEncryptedFlag = 1;

// What minizip reads from instead of a FILE. It asks for single bytes, which come from a buffer.
struct FileView {
  const InputFile* file;
  int64_t offset = 0;
  absl::Status status = {};
  char buffer[4096] = {};
  int64_t buffer_begin = 0, buffer_end = 0;  // offsets in the file
};

FileView* View(voidpf opaque) { return static_cast<FileView*>(opaque); }

voidpf OpenView(voidpf opaque, const void*, int) { return opaque; }

// Makes the buffer hold the bytes from `offset` on.
void FillBuffer(FileView& view) {
  const int64_t count = std::min<int64_t>(view.file->size() - view.offset, sizeof(view.buffer));
  view.buffer_begin = view.buffer_end = view.offset;
  view.status.Update(view.file->ReadUnchangedAt(view.offset, view.buffer, count));
  if (view.status.ok()) view.buffer_end += count;
}

uLong ReadView(voidpf opaque, voidpf, void* memory, uLong bytes) {
  FileView& view = *View(opaque);
  char* to = static_cast<char*>(memory);
  int64_t left = std::clamp<int64_t>(view.file->size() - view.offset, 0, bytes);
  const int64_t count = left;
  while (left > 0) {
    if (view.offset < view.buffer_begin || view.offset >= view.buffer_end) FillBuffer(view);
    if (!view.status.ok()) return 0;
    const int64_t piece = std::min(left, view.buffer_end - view.offset);
    std::copy_n(view.buffer + (view.offset - view.buffer_begin), piece, to);
    to += piece;
    view.offset += piece;
    left -= piece;
  }
  return static_cast<uLong>(count);
}

ZPOS64_T TellView(voidpf opaque, voidpf) { return static_cast<ZPOS64_T>(View(opaque)->offset); }

long SeekView(voidpf opaque, voidpf, ZPOS64_T offset, int origin) {
  FileView* const view = View(opaque);
  const int64_t base = origin == ZLIB_FILEFUNC_SEEK_CUR   ? view->offset
                       : origin == ZLIB_FILEFUNC_SEEK_END ? view->file->size()
                                                          : 0;
  int64_t place;
  if (__builtin_add_overflow(base, static_cast<int64_t>(offset), &place) || place < 0) return -1;
  view->offset = place;
  return 0;
}

int CloseView(voidpf, voidpf) { return 0; }
int ErrorOfView(voidpf opaque, voidpf) { return View(opaque)->status.ok() ? 0 : 1; }

}  // namespace

struct ZipFile::Archive {
  explicit Archive(InputFile input) : file(std::move(input)), view{.file = &file} {}
  ~Archive() {
    if (zip != nullptr) unzClose(zip);
  }
  // What the file's error says, or that it is damaged at this place.
  absl::Status Damaged(absl::string_view what) const {
    if (!view.status.ok()) return view.status;
    return InFile(file.path(), absl::DataLossError(what));
  }

  const InputFile file;
  FileView view;
  unzFile zip = nullptr;
  std::vector<unz64_file_pos> positions;
};

ZipFile::ZipFile() = default;
ZipFile::ZipFile(ZipFile&&) noexcept = default;
ZipFile::~ZipFile() = default;

const std::string& ZipFile::path() const { return archive_->file.path(); }

absl::StatusOr<ZipFile> ZipFile::Open(InputFile file) {
  ZipFile zip;
  zip.archive_ = std::make_unique<Archive>(std::move(file));
  Archive& archive = *zip.archive_;
  zlib_filefunc64_def functions = {};
  functions.zopen64_file = OpenView;
  functions.zread_file = ReadView;
  functions.ztell64_file = TellView;
  functions.zseek64_file = SeekView;
  functions.zclose_file = CloseView;
  functions.zerror_file = ErrorOfView;
  functions.opaque = &archive.view;
  archive.zip = unzOpen2_64("", &functions);
  if (archive.zip == nullptr) return archive.Damaged("is no whole zip file");
  RETURN_IF_ERROR(zip.ListMembers());
  return zip;
}

absl::Status ZipFile::ListMembers() {
  unz_global_info64 global = {};
  unzGetGlobalInfo64(archive_->zip, &global);
  if (global.number_entry > kMostMembers) {
    return InFile(path(), absl::InvalidArgumentError(
                              absl::StrCat("must have at most ", kMostMembers, " members, but has ",
                                           global.number_entry)));
  }
  for (ZPOS64_T i = 0; i < global.number_entry; ++i) {
    const int moved = i == 0 ? unzGoToFirstFile(archive_->zip) : unzGoToNextFile(archive_->zip);
    unz_file_info64 info = {};
    char name[kMostNameBytes] = {};
    if (moved != UNZ_OK || unzGetCurrentFileInfo64(archive_->zip, &info, name, sizeof(name),
                                                   nullptr, 0, nullptr, 0) != UNZ_OK) {
      return archive_->Damaged(absl::StrCat("member ", i, " is damaged"));
    }
    const std::string text(name, std::min<size_t>(info.size_filename, sizeof(name)));
    std::optional<std::string> refusal;
    if (info.size_filename >= sizeof(name)) {
      refusal = absl::StrCat("must have a name of less than ", kMostNameBytes, " bytes");
    } else if ((info.flag & kEncryptedFlag) != 0) {
      refusal = "must not be encrypted";
    } else if (info.compression_method != kStored && info.compression_method != kDeflated) {
      refusal = absl::StrCat("must be stored or deflated, but is packed by method ",
                             info.compression_method);
    }
    if (refusal) {
      return InFile(
          path(), absl::InvalidArgumentError(absl::StrCat("member ", Quoted(text), " ", *refusal)));
    }
    if (info.uncompressed_size >> 62 != 0) {
      return archive_->Damaged(absl::StrCat("member ", Quoted(text), " has no possible size"));
    }
    members_.push_back({text, static_cast<int64_t>(info.uncompressed_size)});
    unzGetFilePos64(archive_->zip, &archive_->positions.emplace_back());
  }
  return absl::OkStatus();
}

absl::Status ZipFile::Read(size_t member, int64_t most,
                           absl::FunctionRef<absl::Status(absl::string_view piece)> take) {
  const std::string damaged = absl::StrCat("member ", Quoted(members_[member].name), " is damaged");
  if (unzGoToFilePos64(archive_->zip, &archive_->positions[member]) != UNZ_OK ||
      unzOpenCurrentFile(archive_->zip) != UNZ_OK) {
    return archive_->Damaged(damaged);
  }
  const int64_t size = members_[member].size;
  const int64_t wanted = std::min(most, size);
  // A member that is left open is closed when the next is opened.
  std::vector<char> piece(kPieceBytes);
  int64_t done = 0;
  while (done < wanted) {
    const int64_t room = std::min<int64_t>(wanted - done, kPieceBytes);
    const int count = unzReadCurrentFile(archive_->zip, piece.data(), static_cast<unsigned>(room));
    if (count <= 0) return archive_->Damaged(damaged);
    RETURN_IF_ERROR(take(absl::string_view(piece.data(), count)));
    done += count;
  }
  const int closed = unzCloseCurrentFile(archive_->zip);
  if (done < size || closed == UNZ_OK) return absl::OkStatus();
  return archive_->Damaged(
      absl::StrCat("member ", Quoted(members_[member].name), " does not have its checksum"));
}

}  // namespace flowgrad
