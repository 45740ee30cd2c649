#include "tests/testing/faulty_files.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <random>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"

namespace flowgrad {
namespace {

// `path`, or what it lies in, has got another name.
void Rename(const std::string& from, const std::string& to, std::string& path) {
  if (path == from || absl::StartsWith(path, from + "/")) path.replace(0, from.size(), to);
}

}  // namespace

FaultyFiles::FaultyFiles(std::string trash) : trash_(std::move(trash)) { UseFiles(this); }

FaultyFiles::~FaultyFiles() { UseFiles(nullptr); }

void FaultyFiles::FailAt(FileCall call, int nth, int error, bool lasting) {
  Reset();
  failing_ = call;
  left_ = nth;
  error_ = error;
  lasting_ = lasting;
}

void FaultyFiles::DieAt(int nth) {
  Reset();
  die_at_ = nth;
}

void FaultyFiles::KillAt(int nth) {
  Reset();
  kill_at_ = nth;
}

void FaultyFiles::Reset() {
  left_ = error_ = die_at_ = kill_at_ = calls_ = 0;
  lasting_ = happened_ = false;
}

int FaultyFiles::open_files() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return static_cast<int>(open_.size());
}

bool FaultyFiles::Fails(FileCall call) {
  ++calls_;
  if (kill_at_ > 0 && calls_ == kill_at_) raise(SIGKILL);
  if (die_at_ > 0 && calls_ >= die_at_) {
    happened_ = true;
    errno = EIO;
    return true;
  }
  if (left_ == 0 || (failing_ != FileCall::kAny && failing_ != call)) return false;
  if (!(lasting_ && happened_) && --left_ > 0) return false;
  if (lasting_) left_ = 1;
  happened_ = true;
  errno = error_;
  return true;
}

void FaultyFiles::Moved(const std::string& from, const std::string& to) {
  std::map<std::string, int64_t> moved;
  for (const auto& [path, bytes] : flushed_bytes_) {
    std::string now = path;
    flowgrad::Rename(from, to, now);
    moved[now] = bytes;
  }
  flushed_bytes_ = std::move(moved);
  for (auto& [fd, path] : open_) flowgrad::Rename(from, to, path);
  for (Change& change : changes_) {
    flowgrad::Rename(from, to, change.path);
    if (change.kind == Change::Kind::kRenamed) flowgrad::Rename(from, to, change.before);
  }
}

void FaultyFiles::FolderFlushed(const std::string& folder) {
  std::vector<Change> left;
  std::vector<std::string> gone;
  for (Change& change : changes_) {
    if (FolderOf(change.path) != folder) {
      left.push_back(std::move(change));
      continue;
    }
    if (change.kind == Change::Kind::kRemoved) unlink(change.before.c_str());
    if (change.kind == Change::Kind::kRemovedFolder) gone.push_back(change.path);
  }
  changes_ = std::move(left);
  // What was in a folder that is gone for good.
  for (const std::string& path : gone) FolderFlushed(path);
}

void FaultyFiles::Undo(const Change& change) {
  switch (change.kind) {
    case Change::Kind::kMade:
      unlink(change.path.c_str());
      flushed_bytes_.erase(change.path);
      return;
    case Change::Kind::kMadeFolder:
      rmdir(change.path.c_str());
      return;
    case Change::Kind::kRenamed:
      rename(change.path.c_str(), change.before.c_str());
      Moved(change.path, change.before);
      return;
    case Change::Kind::kRemoved:
      rename(change.before.c_str(), change.path.c_str());
      return;
    case Change::Kind::kRemovedFolder:
      mkdir(change.path.c_str(), 0777);
      return;
  }
}

void FaultyFiles::LosePower(uint64_t seed) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::mt19937_64 random(seed);
  for (const auto& [path, flushed] : flushed_bytes_) {
    struct stat info;
    if (stat(path.c_str(), &info) != 0 || info.st_size <= flushed) continue;
    const auto lost = static_cast<uint64_t>(info.st_size - flushed);
    const auto kept = static_cast<int64_t>(seed == 0 ? 0 : random() % (lost + 1));
    if (truncate(path.c_str(), flushed + kept) != 0) perror(path.c_str());
  }
  size_t kept = seed == 0 ? 0 : random() % (changes_.size() + 1);
  while (changes_.size() > kept) {
    const Change change = changes_.back();
    changes_.pop_back();
    Undo(change);
  }
  changes_.clear();
  flushed_bytes_.clear();
}

void FaultyFiles::Settle() {
  const std::lock_guard<std::mutex> lock(mutex_);
  changes_.clear();
  flushed_bytes_.clear();
}

int FaultyFiles::Open(const char* path, int flags, mode_t mode) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (Fails(FileCall::kOpen)) return -1;
  const bool is_new = (flags & O_CREAT) != 0 && access(path, F_OK) != 0;
  const int fd = FileSystem::Open(path, flags, mode);
  if (fd < 0) return fd;
  open_[fd] = path;
  if (is_new) {
    changes_.push_back({Change::Kind::kMade, path});
    flushed_bytes_[path] = 0;
  }
  return fd;
}

ssize_t FaultyFiles::Write(int fd, const void* bytes, size_t count) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (Fails(FileCall::kWrite)) {
    if (errno != 0) return -1;
    count = 1;
  }
  return FileSystem::Write(fd, bytes, count);
}

int FaultyFiles::Truncate(int fd, off_t size) {
  const std::lock_guard<std::mutex> lock(mutex_);
  return Fails(FileCall::kTruncate) ? -1 : FileSystem::Truncate(fd, size);
}

int FaultyFiles::Sync(int fd) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (Fails(FileCall::kSync)) return -1;
  struct stat info;
  if (fstat(fd, &info) != 0) return -1;
  const std::string path = open_[fd];
  if (S_ISDIR(info.st_mode)) {
    FolderFlushed(path);
  } else {
    flushed_bytes_[path] = info.st_size;
  }
  return 0;
}

int FaultyFiles::Close(int fd) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const bool fails = Fails(FileCall::kClose);
  const int error = errno;
  open_.erase(fd);
  const int result = FileSystem::Close(fd);
  if (!fails) return result;
  errno = error;
  return -1;
}

int FaultyFiles::Rename(const char* from, const char* to) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (Fails(FileCall::kRename)) return -1;
  // What is replaced comes back with the power.
  const std::string kept = absl::StrCat(trash_, "/", ++removed_);
  const bool replaces = link(to, kept.c_str()) == 0;
  if (FileSystem::Rename(from, to) != 0) return -1;
  if (replaces) changes_.push_back({Change::Kind::kRemoved, to, kept});
  Moved(from, to);
  changes_.push_back({Change::Kind::kRenamed, to, from});
  return 0;
}

int FaultyFiles::Unlink(const char* path) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (Fails(FileCall::kUnlink)) return -1;
  const std::string kept = absl::StrCat(trash_, "/", ++removed_);
  if (rename(path, kept.c_str()) != 0) return -1;
  changes_.push_back({Change::Kind::kRemoved, path, kept});
  return 0;
}

int FaultyFiles::MakeFolder(const char* path, mode_t mode) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (Fails(FileCall::kMakeFolder)) return -1;
  if (FileSystem::MakeFolder(path, mode) != 0) return -1;
  changes_.push_back({Change::Kind::kMadeFolder, path});
  return 0;
}

int FaultyFiles::RemoveFolder(const char* path) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (Fails(FileCall::kRemoveFolder)) return -1;
  if (FileSystem::RemoveFolder(path) != 0) return -1;
  changes_.push_back({Change::Kind::kRemovedFolder, path});
  return 0;
}

}  // namespace flowgrad
