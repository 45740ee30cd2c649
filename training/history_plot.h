// A run as a picture: its history as an SVG.
//
// The loss, every metric and the learning rate have a panel each, one under another over the same
// steps; the loss of the test part, if it was measured, is in the panel of the loss. Many values
// are drawn faint, with the mean of each and those around it over them. A loss of more than two
// decades has a logarithmic scale.

#ifndef FLOWGRAD_TRAINING_HISTORY_PLOT_H_
#define FLOWGRAD_TRAINING_HISTORY_PLOT_H_

#include <string>

#include "absl/strings/string_view.h"
#include "training/history.h"

namespace flowgrad {

std::string HistoryPlot(const History& history, absl::string_view title);

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_HISTORY_PLOT_H_
