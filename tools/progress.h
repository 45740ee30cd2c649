// Progress of long work on standard error: a bar with rate and time left on a terminal, a line at
// intervals elsewhere.

#ifndef FLOWGRAD_TOOLS_PROGRESS_H_
#define FLOWGRAD_TOOLS_PROGRESS_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace flowgrad {

class Progress {
 public:
  // `total` units of work, which `unit` names in the plural: "samples". Shows nothing if `quiet`.
  Progress(int64_t total, absl::string_view unit, bool quiet = false);
  // Leaves the last state of the bar on the screen.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Whether it is time to show something, `done` units being done.
  bool IsDue(int64_t done) const;
  // Shows it, with `text` ("epoch 2/4  loss 0.31"). `busy` is the time that the rate is told by.
  void Show(int64_t done, absl::string_view text, absl::Duration busy);

 private:
  std::string Line(int64_t done, absl::string_view text, absl::Duration busy) const;

  int64_t total_;
  std::string unit_;
  bool quiet_, terminal_;
  absl::Time start_, last_;
  bool shown_ = false;
};

}  // namespace flowgrad

#endif  // FLOWGRAD_TOOLS_PROGRESS_H_
