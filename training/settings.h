// Overrides fields of a training section, as `flowgrad train --set FIELD=VALUE` does.
//
// FIELD is a path of names: "batch_size", "optimizer.sgd.momentum". The kind of a oneof may be left
// out: "optimizer.momentum" is that of the kind that is set, or of the first kind where none is.
// VALUE is a number, true or false, a name, or for a message its text: "adam { learning_rate:
// 0.001 }". A repeated field takes the values of all settings that name it, in place of its own.
// Setting one of `steps` and `epochs` clears the other.

#ifndef FLOWGRAD_TRAINING_SETTINGS_H_
#define FLOWGRAD_TRAINING_SETTINGS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace flowgrad {

class TrainingDef;

// Reads the text of a whole section. InvalidArgument with line and column.
absl::Status ParseTraining(absl::string_view text, TrainingDef& training);

// InvalidArgument for the first setting that is wrong: no "=", a field that does not exist, with
// the nearest name, a value that is not of its type.
absl::Status ApplySettings(const std::vector<std::string>& settings, TrainingDef& training);

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_SETTINGS_H_
