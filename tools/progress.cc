#include "tools/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

namespace flowgrad {
namespace {

constexpr int kBarWidth = 24;
constexpr absl::Duration kTerminalInterval = absl::Milliseconds(100);
constexpr absl::Duration kLineInterval = absl::Seconds(2);

std::string Clock(absl::Duration duration) {
  const int64_t seconds = absl::ToInt64Seconds(duration + absl::Milliseconds(500));
  if (seconds < 3600) return absl::StrFormat("%d:%02d", seconds / 60, seconds % 60);
  return absl::StrFormat("%d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

// Characters in a line of the terminal, or a number that no line has.
size_t Columns() {
  struct winsize size = {};
  const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : 10'000;
}

}  // namespace

Progress::Progress(int64_t total, absl::string_view unit, bool quiet)
    : total_(total),
      unit_(unit),
      quiet_(quiet),
      terminal_(isatty(STDERR_FILENO) == 1),
      start_(absl::Now()),
      last_(start_) {}

Progress::~Progress() {
  if (terminal_ && shown_) std::fputc('\n', stderr);
}

bool Progress::IsDue(int64_t done) const {
  if (quiet_) return false;
  return done >= total_ || absl::Now() - last_ >= (terminal_ ? kTerminalInterval : kLineInterval);
}

void Progress::Show(int64_t done, absl::string_view text, absl::Duration busy) {
  last_ = absl::Now();
  shown_ = true;
  std::string line = Line(done, text, busy);
  if (!terminal_) {
    std::fputs(absl::StrCat(line, "\n").c_str(), stderr);
    return;
  }
  // A longer line would wrap, and its start could not be written over.
  if (const size_t columns = Columns(); line.size() >= columns) line.resize(columns - 1);
  // Back to the start of the line, and what an older, longer line left is cleared.
  std::fputs(absl::StrCat("\r", line, "\x1b[K").c_str(), stderr);
  std::fflush(stderr);
}

std::string Progress::Line(int64_t done, absl::string_view text, absl::Duration busy) const {
  const double share = total_ == 0 ? 1 : static_cast<double>(done) / static_cast<double>(total_);
  const double seconds = std::max(absl::ToDoubleSeconds(absl::Now() - start_), 1e-9);
  const std::string left =
      done == 0 ? ""
                : absl::StrCat("  ", Clock(absl::Seconds(seconds * (1 - share) / share)), " left");
  const double rate = static_cast<double>(done) / std::max(absl::ToDoubleSeconds(busy), 1e-9);
  const std::string what = absl::StrFormat("%s  %.0f %s/s%s", text, rate, unit_, left);
  if (!terminal_) return absl::StrFormat("%3.0f%%  %s", 100 * share, what);
  const int filled = static_cast<int>(share * kBarWidth);
  return absl::StrFormat("[%s%s] %3.0f%%  %s", std::string(filled, '#'),
                         std::string(kBarWidth - filled, '.'), 100 * share, what);
}

}  // namespace flowgrad
