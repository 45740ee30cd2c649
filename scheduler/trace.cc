// Every run takes its places in two long arrays, by task and by step, which were there before: a
// thread that runs a task writes to places that no other writes to, without a lock.

#include "scheduler/trace.h"

#include <algorithm>
#include <chrono>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"

namespace flowgrad {
namespace {

constexpr int kRunsThread = 1, kFirstWorkerThread = 2;  // viewers give 0 a meaning of its own

int64_t SteadyNanoseconds() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// As a JSON text. Names of nodes may be any bytes.
std::string JsonText(absl::string_view text) {
  const auto replace = nlohmann::json::error_handler_t::replace;
  return nlohmann::json(std::string(text)).dump(-1, ' ', false, replace);
}

int64_t OperandBytes(const Plan& plan, const Operand& operand) {
  if (!operand.present || operand.space == Space::kNone) return 0;
  int64_t elements = 1;
  for (int d = 0; d < operand.rank; ++d) {
    const int64_t dim = plan.numbers[operand.dims + d];
    const bool repeated = plan.numbers[operand.dims + operand.rank + d] == 0 && dim > 0;
    if (!repeated) elements *= dim;
  }
  return elements * DTypeSize(operand.dtype);
}

// "panel 3 of 16".
std::string PieceText(const PlannedOp& op, const Step& step) {
  const char* kind = op.cut == CutKind::kPanels  ? "panel"
                     : op.cut == CutKind::kTiles ? "tile"
                     : op.cut == CutKind::kParts ? "part"
                                                 : nullptr;
  if (kind == nullptr) return "whole";
  const int64_t piece = step.order & 0xffffffff;
  return absl::StrCat(kind, " ", piece + 1, " of ", op.num_steps);
}

// What is the same in every run of a plan: events from their name on, without times.
struct PlanEvents {
  struct Event {
    std::string name, args;
  };
  std::vector<Event> tasks, steps;

  explicit PlanEvents(const Plan& plan) {
    for (const Step& step : plan.steps) steps.push_back(StepEvent(plan, step));
    for (size_t t = 0; t < plan.tasks.size(); ++t) {
      const Task& task = plan.tasks[t];
      StepBytes bytes;
      for (int32_t s = task.first_step; s < task.end_step; ++s) {
        const StepBytes of_step = BytesOf(plan, plan.steps[s]);
        bytes.read += of_step.read;
        bytes.written += of_step.written;
      }
      tasks.push_back({absl::StrCat("\"task ", t, "\""),
                       absl::StrFormat("\"steps\":%d,\"bytes_read\":%d,\"bytes_written\":%d,"
                                       "\"estimated_us\":%.3f",
                                       task.end_step - task.first_step, bytes.read, bytes.written,
                                       task.cost_ns / 1000)});
    }
  }

  static Event StepEvent(const Plan& plan, const Step& step) {
    if (step.op < 0) return {"\"gate\"", "\"op\":\"gate\""};
    const PlannedOp& op = plan.ops[step.op];
    const StepBytes bytes = BytesOf(plan, step);
    return {JsonText(op.name),
            absl::StrFormat("\"op\":%s,\"piece\":\"%s\",\"bytes_read\":%d,\"bytes_written\":%d,"
                            "\"estimated_us\":%.3f",
                            JsonText(op.kind), PieceText(op, step), bytes.read, bytes.written,
                            step.cost_ns / 1000)};
  }
};

void AddName(absl::string_view kind, int thread, absl::string_view name, std::string& json) {
  absl::StrAppend(&json, "{\"name\":\"", kind, "\",\"ph\":\"M\",\"pid\":1,\"tid\":", thread,
                  ",\"args\":{\"name\":", JsonText(name), "}},\n");
}

// A time in microseconds, exact to the nanosecond.
void AddMicroseconds(absl::string_view key, int64_t ns, std::string& json) {
  absl::StrAppend(&json, ",\"", key, "\":", ns / 1000, ".", absl::Dec(ns % 1000, absl::kZeroPad3));
}

void AddEvent(absl::string_view name, absl::string_view category, int thread, int64_t start_ns,
              int64_t end_ns, absl::string_view args, std::string& json) {
  absl::StrAppend(&json, "{\"name\":", name, ",\"cat\":\"", category,
                  "\",\"ph\":\"X\",\"pid\":1,\"tid\":", thread);
  AddMicroseconds("ts", start_ns, json);
  AddMicroseconds("dur", end_ns - start_ns, json);
  absl::StrAppend(&json, ",\"args\":{", args, "}},\n");
}

void AddTasks(const Tracer::RecordedRun& run, const PlanEvents& events, std::string& json) {
  for (size_t t = 0; t < run.tasks.size(); ++t) {
    const Tracer::TaskTime& time = run.tasks[t];
    if (time.end_ns < 0) continue;
    const int thread = kFirstWorkerThread + time.worker;
    AddEvent(events.tasks[t].name, "task", thread, time.start_ns, time.end_ns, events.tasks[t].args,
             json);
    if (run.step_ends_ns.empty()) continue;
    const Task& task = run.plan->tasks[t];
    int64_t start_ns = time.start_ns;
    for (int32_t s = task.first_step; s < task.end_step; ++s) {
      const int64_t end_ns = run.step_ends_ns[s];
      if (end_ns < 0) continue;
      AddEvent(events.steps[s].name, "step", thread, start_ns, end_ns, events.steps[s].args, json);
      start_ns = end_ns;
    }
  }
}

}  // namespace

StepBytes BytesOf(const Plan& plan, const Step& step) {
  StepBytes bytes;
  for (int i = 0; i < step.num_inputs + step.num_outputs; ++i) {
    (i < step.num_inputs ? bytes.read : bytes.written) +=
        OperandBytes(plan, plan.operands[step.operands + i]);
  }
  return bytes;
}

Tracer::Tracer(TraceGrain grain, int64_t most_events)
    : grain_(grain),
      origin_ns_(SteadyNanoseconds()),
      tasks_(most_events),
      step_ends_ns_(grain == TraceGrain::kSteps ? most_events : 0, -1),
      room_(most_events) {
  runs_.reserve(most_events);
}

int64_t Tracer::Now() const { return SteadyNanoseconds() - origin_ns_; }

void Tracer::BeforeRun(const std::shared_ptr<const Plan>& plan) {
  run_ = nullptr;
  ++num_runs_;
  const size_t tasks = plan->tasks.size();
  const size_t steps = grain_ == TraceGrain::kSteps ? plan->steps.size() : 0;
  const auto events = static_cast<int64_t>(1 + tasks + steps);
  if (num_runs_ == 1 && events > room_) {
    tasks_.resize(std::max(tasks_.size(), tasks));
    step_ends_ns_.resize(std::max(step_ends_ns_.size(), steps), -1);
    room_ = events;
  }
  // Once a run is left out so are all later ones: what is recorded has no gaps.
  if (events > room_ || num_runs_ - 1 > static_cast<int64_t>(runs_.size())) return;
  room_ -= events;
  RecordedRun run;
  run.plan = plan;
  run.tasks = absl::MakeSpan(tasks_.data() + used_tasks_, tasks);
  run.step_ends_ns = absl::MakeSpan(step_ends_ns_.data() + used_steps_, steps);
  used_tasks_ += tasks;
  used_steps_ += steps;
  run.start_ns = Now();
  runs_.push_back(std::move(run));
  run_ = &runs_.back();
}

void Tracer::AfterRun(const Plan&) {
  if (run_ != nullptr) run_->end_ns = Now();
  run_ = nullptr;
}

void Tracer::BeforeTask(const Plan&, int task, int worker) {
  if (run_ == nullptr) return;
  run_->tasks[task].worker = worker;
  run_->tasks[task].start_ns = Now();
}

void Tracer::AfterTask(const Plan&, int task, int) {
  if (run_ != nullptr) run_->tasks[task].end_ns = Now();
}

absl::Status Tracer::AfterStep(const Plan&, int step, const KernelContext&) {
  if (run_ != nullptr) run_->step_ends_ns[step] = Now();
  return absl::OkStatus();
}

std::string Tracer::ChromeTrace(absl::string_view name) const {
  std::string json = "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n";
  AddName("process_name", kRunsThread, name, json);
  AddName("thread_name", kRunsThread, "runs", json);
  int32_t workers = 0;
  for (const RecordedRun& run : runs_) {
    for (const TaskTime& task : run.tasks) workers = std::max(workers, task.worker + 1);
  }
  for (int32_t w = 0; w < workers; ++w) {
    AddName("thread_name", kFirstWorkerThread + w, absl::StrCat("worker ", w), json);
  }
  std::map<const Plan*, PlanEvents> events;
  for (size_t r = 0; r < runs_.size(); ++r) {
    const RecordedRun& run = runs_[r];
    const PlanEvents& of_plan = events.try_emplace(run.plan.get(), *run.plan).first->second;
    AddEvent(
        absl::StrCat("\"run ", r, "\""), "run", kRunsThread, run.start_ns, run.end_ns,
        absl::StrCat("\"tasks\":", run.plan->tasks.size(), ",\"steps\":", run.plan->steps.size(),
                     ",\"updates_states\":", run.plan->gate_task >= 0 ? "true" : "false"),
        json);
    AddTasks(run, of_plan, json);
  }
  json.resize(json.size() - 2);  // the last comma
  return absl::StrCat(json, "\n]}\n");
}

}  // namespace flowgrad
