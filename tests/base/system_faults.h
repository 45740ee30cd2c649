// Makes system calls fail on purpose: this library's write, fsync, close and rename stand before
// the C library's in a test that is linked with it.

#ifndef FLOWGRAD_TESTS_BASE_SYSTEM_FAULTS_H_
#define FLOWGRAD_TESTS_BASE_SYSTEM_FAULTS_H_

namespace flowgrad {

enum class SystemCall { kWrite, kFsync, kClose, kRename };
inline constexpr int kNumSystemCalls = 4;

// While it lives, the `nth` call (from 1) of `call` after its making fails with `error`; close()
// closes all the same. With error 0 a write puts down only one byte. For one thread and one fault
// at a time.
class SystemFault {
 public:
  SystemFault(SystemCall call, int nth, int error);
  ~SystemFault();
  SystemFault(const SystemFault&) = delete;
  SystemFault& operator=(const SystemFault&) = delete;

  bool happened() const;
};

}  // namespace flowgrad

#endif  // FLOWGRAD_TESTS_BASE_SYSTEM_FAULTS_H_
