#include "tests/base/system_faults.h"

#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace flowgrad {
namespace {

SystemCall failing_call;
int calls_left = 0;  // until the failing one; 0: none fails
int failure = 0;

bool FailsNow(SystemCall call) {
  return calls_left > 0 && call == failing_call && --calls_left == 0;
}

long Fail() {
  errno = failure;
  return -1;
}

}  // namespace

SystemFault::SystemFault(SystemCall call, int nth, int error) {
  failing_call = call;
  calls_left = nth;
  failure = error;
}

SystemFault::~SystemFault() { calls_left = 0; }

bool SystemFault::happened() const { return calls_left == 0; }

}  // namespace flowgrad

extern "C" {

ssize_t write(int fd, const void* bytes, size_t count) {
  if (flowgrad::FailsNow(flowgrad::SystemCall::kWrite)) {
    if (flowgrad::failure != 0) return flowgrad::Fail();
    count = 1;
  }
  return syscall(SYS_write, fd, bytes, count);
}

int fsync(int fd) {
  if (flowgrad::FailsNow(flowgrad::SystemCall::kFsync)) return flowgrad::Fail();
  return syscall(SYS_fsync, fd);
}

int close(int fd) {
  const bool fails = flowgrad::FailsNow(flowgrad::SystemCall::kClose);
  const int result = syscall(SYS_close, fd);
  return fails ? flowgrad::Fail() : result;
}

int rename(const char* from, const char* to) noexcept {
  if (flowgrad::FailsNow(flowgrad::SystemCall::kRename)) return flowgrad::Fail();
  return syscall(SYS_rename, from, to);
}

}  // extern "C"
