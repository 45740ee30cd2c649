// The calls to the system by which files change: all of the project's go through here, so that a
// test can let any of them fail, end the process before it, or forget what was not flushed.

#ifndef FLOWGRAD_BASE_FILE_SYSTEM_H_
#define FLOWGRAD_BASE_FILE_SYSTEM_H_

#include <sys/types.h>

#include <cstddef>

namespace flowgrad {

// As the calls of POSIX with these names do: -1 and errno for an error. Threads: any number at
// once.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  virtual int Open(const char* path, int flags, mode_t mode);  // for writing, and folders to flush
  virtual ssize_t Write(int fd, const void* bytes, size_t count);
  virtual int Truncate(int fd, off_t size);
  virtual int Sync(int fd);   // fsync
  virtual int Close(int fd);  // of what Open() has opened
  virtual int Rename(const char* from, const char* to);
  virtual int Unlink(const char* path);
  virtual int MakeFolder(const char* path, mode_t mode);
  virtual int RemoveFolder(const char* path);
};

// What is in use: the system's own.
FileSystem& Files();

// For tests: `files` in its place until the next call; null for the system's own. Not while
// anything is written.
void UseFiles(FileSystem* files);

}  // namespace flowgrad

#endif  // FLOWGRAD_BASE_FILE_SYSTEM_H_
