#include "tools/trace_file.h"

#include "base/file.h"
#include "base/status_macros.h"
#include "tools/model_source.h"
#include "tools/options.h"

namespace flowgrad {

void AddTrace(CLI::App& command, TraceOptions& options) {
  CLI::Option* const file =
      AddText(command, "--trace", options.file,
              "Write when and where each task and step ran, of the first runs, as a Chrome trace, "
              "which ui.perfetto.dev shows");
  AddChoice(command, "--trace-grain", options.grain, {"step", "task"},
            "Look at steps too, or only at tasks, which takes less time");
  command.get_option("--trace-grain")->needs(file);
}

absl::StatusOr<std::unique_ptr<Tracer>> MakeTracer(const TraceOptions& options,
                                                   const std::vector<std::string>& inputs) {
  if (options.file.empty()) return nullptr;
  RETURN_IF_ERROR(CheckNotAnInput(options.file, inputs));
  RETURN_IF_ERROR(CheckWritable(options.file));
  return std::make_unique<Tracer>(options.grain == "task" ? TraceGrain::kTasks
                                                          : TraceGrain::kSteps);
}

absl::Status WriteTrace(const TraceOptions& options, const Tracer& tracer,
                        absl::string_view command) {
  return WriteFileAtomically(options.file, tracer.ChromeTrace(command));
}

}  // namespace flowgrad
