// Ends long work at a border that the work chooses, when the user presses Ctrl-C.
//
// While an Interrupt lives, the first SIGINT, SIGTERM or SIGHUP only sets flag(); a second one ends
// the process at once, with 128 plus the signal's number.

#ifndef FLOWGRAD_TOOLS_INTERRUPT_H_
#define FLOWGRAD_TOOLS_INTERRUPT_H_

#include <array>
#include <atomic>
#include <csignal>

namespace flowgrad {

// One at a time.
class Interrupt {
 public:
  Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  ~Interrupt();  // what the signals did before

  const std::atomic<bool>* flag() const;
  // The last signal that set a flag in this process; SIGINT where none did.
  static int LastSignal();

 private:
  static constexpr std::array<int, 3> kSignals = {SIGINT, SIGTERM, SIGHUP};
  std::array<struct sigaction, kSignals.size()> before_;
};

}  // namespace flowgrad

#endif  // FLOWGRAD_TOOLS_INTERRUPT_H_
