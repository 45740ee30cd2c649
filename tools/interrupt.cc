#include "tools/interrupt.h"

#include <unistd.h>

namespace flowgrad {
namespace {

static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free,
              "a signal handler may touch nothing else");
std::atomic<bool> stop;
std::atomic<int> signal_seen;

void OnSignal(int number) {
  int none = 0;
  if (!signal_seen.compare_exchange_strong(none, number)) _exit(128 + number);
  stop = true;
}

}  // namespace

Interrupt::Interrupt() {
  stop = false;
  signal_seen = 0;
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  action.sa_flags = SA_RESTART;  // no system call of the work fails for it
  for (size_t i = 0; i < kSignals.size(); ++i) {
    sigaction(kSignals[i], nullptr, &before_[i]);
    // What was started with `nohup` stays deaf.
    if (before_[i].sa_handler != SIG_IGN) sigaction(kSignals[i], &action, nullptr);
  }
}

Interrupt::~Interrupt() {
  for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &before_[i], nullptr);
}

const std::atomic<bool>* Interrupt::flag() const { return &stop; }

int Interrupt::LastSignal() { return signal_seen == 0 ? SIGINT : signal_seen.load(); }

}  // namespace flowgrad
