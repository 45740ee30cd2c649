// A file system that fails on purpose: any call by which files change, and the power.

#ifndef FLOWGRAD_TESTS_TESTING_FAULTY_FILES_H_
#define FLOWGRAD_TESTS_TESTING_FAULTY_FILES_H_

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/file_system.h"

namespace flowgrad {

enum class FileCall : uint8_t {
  kAny,
  kOpen,
  kWrite,
  kTruncate,
  kSync,
  kClose,
  kRename,
  kUnlink,
  kMakeFolder,
  kRemoveFolder,
};

// In use while it lives; one at a time. Threads: any number.
class FaultyFiles : public FileSystem {
 public:
  // `trash`: a folder of the test's own, on the file system that is written to.
  explicit FaultyFiles(std::string trash);
  ~FaultyFiles() override;

  // The `nth` call (from 1) of this kind from now on fails with `error`, and all later ones too if
  // `lasting`. A close closes all the same. With error 0 a write puts down only one byte.
  void FailAt(FileCall call, int nth, int error, bool lasting = false);
  // From the `nth` call of any kind on nothing reaches the disk, as if the process were dead: each
  // call fails with EIO.
  void DieAt(int nth);
  // As FailAt(), but the process is killed before the call.
  void KillAt(int nth);
  void Reset();

  // As after a power failure: what was written and not flushed is gone, and so are new names, and
  // old ones are back, in folders that were not flushed. With a `seed` other than 0 some of it is
  // there all the same, as a disk may have it.
  void LosePower(uint64_t seed = 0);

  // All that was written is on the disk.
  void Settle();

  int calls() const { return calls_; }  // since it was made, or Reset()
  bool happened() const { return happened_; }
  int open_files() const;

  int Open(const char* path, int flags, mode_t mode) override;
  ssize_t Write(int fd, const void* bytes, size_t count) override;
  int Truncate(int fd, off_t size) override;
  int Sync(int fd) override;
  int Close(int fd) override;
  int Rename(const char* from, const char* to) override;
  int Unlink(const char* path) override;
  int MakeFolder(const char* path, mode_t mode) override;
  int RemoveFolder(const char* path) override;

 private:
  // A change of names that is not on the disk until its folder is flushed.
  struct Change {
    enum class Kind : uint8_t { kMade, kMadeFolder, kRenamed, kRemoved, kRemovedFolder } kind;
    std::string path;
    std::string before = {};  // kRenamed: the name before; kRemoved: where the file is meanwhile
  };

  // Whether the call about to be made fails; sets errno.
  bool Fails(FileCall call);
  void Moved(const std::string& from, const std::string& to);
  void FolderFlushed(const std::string& folder);
  void Undo(const Change& change);

  const std::string trash_;
  mutable std::mutex mutex_;
  FileCall failing_ = FileCall::kAny;
  int left_ = 0, error_ = 0, die_at_ = 0, kill_at_ = 0, calls_ = 0, removed_ = 0;
  bool lasting_ = false, happened_ = false;
  std::map<int, std::string> open_;               // paths by descriptor
  std::map<std::string, int64_t> flushed_bytes_;  // by path, of files that were written to
  std::vector<Change> changes_;                   // in order
};

}  // namespace flowgrad

#endif  // FLOWGRAD_TESTS_TESTING_FAULTY_FILES_H_
