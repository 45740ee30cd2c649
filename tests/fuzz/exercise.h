// Does with a model all that the engine can do with one, and ends the program where it should not
// have: an error without words or of the wrong kind, a plan that does not give the bits of the
// reference run.

#ifndef FLOWGRAD_TESTS_FUZZ_EXERCISE_H_
#define FLOWGRAD_TESTS_FUZZ_EXERCISE_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "proto/model.pb.h"

namespace flowgrad {

// Prints the message and aborts, so that a fuzzer keeps what led here.
[[noreturn]] void Finding(absl::string_view message);

// A refusal of bad input must be InvalidArgument, NotFound, FailedPrecondition or DataLoss, or a
// limit of the machine, with a message on one line or more.
void CheckRefusal(const absl::Status& status);

// Builds the graph, shows it, folds it, differentiates it, plans it and, if all of its values
// together are small, runs it and one train step: by a plan and by the reference run. How far it
// came.
enum class Came { kRefused, kBuilt, kRan, kTrained };
Came Exercise(const ModelDef& model);

}  // namespace flowgrad

#endif  // FLOWGRAD_TESTS_FUZZ_EXERCISE_H_
