#include "tools/progress.h"

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
  return absl::StrFormat("%d:%02d", seconds / 60, seconds % 60);
}

}  // namespace

Progress::Progress(int64_t total, absl::string_view unit)
    : total_(total),
      unit_(unit),
      terminal_(isatty(STDERR_FILENO) == 1),
      start_(absl::Now()),
      last_(start_) {}

Progress::~Progress() {
  if (terminal_ && shown_) std::fputc('\n', stderr);
}

absl::Duration Progress::elapsed() const { return absl::Now() - start_; }

void Progress::Update(int64_t done, absl::string_view text) {
  const absl::Time now = absl::Now();
  const bool due = now - last_ >= (terminal_ ? kTerminalInterval : kLineInterval);
  if (!due && done < total_) return;
  last_ = now;
  shown_ = true;
  // Back to the start of the line, and what an older, longer line left is cleared.
  const std::string line = Line(done, text);
  std::fputs(
      terminal_ ? absl::StrCat("\r", line, "\x1b[K").c_str() : absl::StrCat(line, "\n").c_str(),
      stderr);
}

std::string Progress::Line(int64_t done, absl::string_view text) const {
  const double share = total_ == 0 ? 1 : static_cast<double>(done) / static_cast<double>(total_);
  const double seconds = std::max(absl::ToDoubleSeconds(elapsed()), 1e-9);
  const std::string left =
      done == 0 ? ""
                : absl::StrCat("  ", Clock(absl::Seconds(seconds * (1 - share) / share)), " left");
  const std::string rate = absl::StrFormat("%.0f %s/s", static_cast<double>(done) / seconds, unit_);
  if (!terminal_) return absl::StrFormat("%3.0f%%  %s  %s%s", 100 * share, text, rate, left);
  const int filled = static_cast<int>(share * kBarWidth);
  return absl::StrFormat("[%s%s] %3.0f%%  %s  %s%s", std::string(filled, '#'),
                         std::string(kBarWidth - filled, '.'), 100 * share, text, rate, left);
}

}  // namespace flowgrad
