// --trace FILE: what commands that run steps need to write a trace of them (docs/tracing.md).

#ifndef FLOWGRAD_TOOLS_TRACE_FILE_H_
#define FLOWGRAD_TOOLS_TRACE_FILE_H_

#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "scheduler/trace.h"

namespace flowgrad {

struct TraceOptions {
  std::string file;  // "": no trace
  std::string grain = "step";
};

void AddTrace(CLI::App& command, TraceOptions& options);

// Null if no trace is asked for. Fails if the file is one of `inputs` or cannot be written.
absl::StatusOr<std::unique_ptr<Tracer>> MakeTracer(const TraceOptions& options,
                                                   const std::vector<std::string>& inputs);

// `command` is what viewers show as the process.
absl::Status WriteTrace(const TraceOptions& options, const Tracer& tracer,
                        absl::string_view command);

}  // namespace flowgrad

#endif  // FLOWGRAD_TOOLS_TRACE_FILE_H_
