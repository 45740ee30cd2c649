#include "base/file_system.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

namespace flowgrad {
namespace {

FileSystem* in_use = nullptr;

}  // namespace

int FileSystem::Open(const char* path, int flags, mode_t mode) { return open(path, flags, mode); }

ssize_t FileSystem::Write(int fd, const void* bytes, size_t count) {
  return write(fd, bytes, count);
}

int FileSystem::Truncate(int fd, off_t size) { return ftruncate(fd, size); }

int FileSystem::Sync(int fd) { return fsync(fd); }

int FileSystem::Close(int fd) { return close(fd); }

int FileSystem::Rename(const char* from, const char* to) { return rename(from, to); }

int FileSystem::Unlink(const char* path) { return unlink(path); }

int FileSystem::MakeFolder(const char* path, mode_t mode) { return mkdir(path, mode); }

int FileSystem::RemoveFolder(const char* path) { return rmdir(path); }

FileSystem& Files() {
  static FileSystem& own = *new FileSystem();
  return in_use != nullptr ? *in_use : own;
}

void UseFiles(FileSystem* files) { in_use = files; }

}  // namespace flowgrad
