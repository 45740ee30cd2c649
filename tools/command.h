// What the subcommands of flowgrad have in common: how one is added, how it ends, how it prints.
//
// A subcommand is one file. Its function Add...Command() declares its options on the program and
// returns what to do if it was chosen, with models of the ops in `registry`. It works on files and
// prints at the end, by Print(), so that a failed run has written nothing. Its errors are a Status
// with one error per line, each line beginning with the name of the file that it is about.

#ifndef FLOWGRAD_TOOLS_COMMAND_H_
#define FLOWGRAD_TOOLS_COMMAND_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace CLI {
class App;
}  // namespace CLI

namespace flowgrad {

class OpRegistry;

struct Command {
  const CLI::App* app;  // the subcommand; `run` is called if it was parsed
  std::function<absl::Status()> run;
};

Command AddBenchCommand(CLI::App& program, const OpRegistry& registry);
Command AddCheckCommand(CLI::App& program, const OpRegistry& registry);
Command AddGradCommand(CLI::App& program, const OpRegistry& registry);
Command AddOpsCommand(CLI::App& program, const OpRegistry& registry);
Command AddReplayCommand(CLI::App& program, const OpRegistry& registry);
Command AddRunCommand(CLI::App& program, const OpRegistry& registry);
Command AddShowCommand(CLI::App& program, const OpRegistry& registry);
Command AddTrainCommand(CLI::App& program, const OpRegistry& registry);

inline constexpr int kUsageError = 2;

// 0 done; 1 the run failed (or `check` found a wrong gradient: Aborted); 2 UsageError(); 3 bad
// input; 4 our own bug; 130 interrupted (Cancelled; 128 plus the number of the signal).
int ExitCode(const absl::Status& status);

// The lines that standard error gets: each "flowgrad: " and an error, control characters escaped,
// at most 4 KiB in all.
std::string ErrorText(const absl::Status& status);

// A mistake on the command line that is found after parsing: kUsageError, like those found by it.
absl::Status UsageError(absl::string_view message);

// Writes to standard output. Unavailable if that fails.
absl::Status Print(absl::string_view text);

// `flowgrad: warning: <message>` on standard error.
void Warn(absl::string_view message);

}  // namespace flowgrad

#endif  // FLOWGRAD_TOOLS_COMMAND_H_
