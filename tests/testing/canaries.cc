#include "tests/testing/canaries.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/text.h"

namespace flowgrad {
namespace {

constexpr auto kCanary = std::byte{0xA5};
constexpr int32_t kLocalValue = -1, kOfKernel = -2;

// The buffer of the arena that has this operand of this step; -1 for one without elements.
int32_t BufferAt(const Plan& plan, int32_t step, int64_t offset) {
  for (size_t b = 0; b < plan.buffers.size(); ++b) {
    const Buffer& buffer = plan.buffers[b];
    if (buffer.space == Space::kArena && buffer.offset <= offset &&
        offset < buffer.offset + buffer.bytes && buffer.first_step <= step &&
        step <= buffer.last_step) {
      return static_cast<int32_t>(b);
    }
  }
  return -1;
}

int64_t BytesOf(const Plan& plan, const Operand& operand) {
  int64_t elements = 1;
  for (int d = 0; d < operand.rank; ++d) elements *= plan.numbers[operand.dims + d];
  return elements * DTypeSize(operand.dtype);
}

std::string StepText(const Plan& plan, int step) {
  const int32_t op = plan.steps[step].op;
  if (op < 0) return absl::StrCat("step ", step, " (the gate)");
  return absl::StrCat("step ", step, " of node ", Quoted(plan.ops[op].name), " (",
                      plan.ops[op].kind, ")");
}

}  // namespace

Canaries::Canaries(RunState* run) : run_(run) {
  const Plan& plan = run->plan();
  guards_.resize(plan.steps.size());
  task_of_.resize(plan.steps.size());
  worker_of_.resize(plan.tasks.size());
  written_.resize(plan.buffers.size());
  for (size_t t = 0; t < plan.tasks.size(); ++t) {
    const Task& task = plan.tasks[t];
    for (int32_t s = task.first_step; s < task.end_step; ++s) {
      task_of_[s] = static_cast<int32_t>(t);
      guards_[s].push_back(
          {Space::kScratch, plan.kernel_scratch_bytes - plan.guard_bytes, kOfKernel});
      const Step& step = plan.steps[s];
      for (int32_t i = 0; i < step.num_inputs + step.num_outputs; ++i) {
        const Operand& operand = plan.operands[step.operands + i];
        if (!operand.present) continue;
        if (operand.space == Space::kArena) {
          const int32_t b = BufferAt(plan, s, operand.offset);
          if (b < 0) continue;
          guards_[s].push_back({Space::kArena, plan.buffers[b].offset + plan.buffers[b].bytes, b});
        } else if (operand.space == Space::kScratch &&
                   operand.offset >= plan.kernel_scratch_bytes && i >= step.num_inputs) {
          guards_[s].push_back({Space::kScratch,
                                operand.offset + RoundUpToAlignment(BytesOf(plan, operand)),
                                kLocalValue});
        }
      }
    }
  }
  run->set_observer(this);
}

absl::Status Canaries::status() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return status_;
}

int64_t Canaries::num_checks() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return num_checks_;
}

void Canaries::BeforeRun(const std::shared_ptr<const Plan>& /*plan*/) {
  std::fill(written_.begin(), written_.end(), 0);
}

void Canaries::BeforeTask(const Plan& /*plan*/, int task, int worker) { worker_of_[task] = worker; }

std::byte* Canaries::Place(const Guard& guard, int step) const {
  return (guard.space == Space::kArena ? run_->arena()
                                       : run_->scratch(worker_of_[task_of_[step]])) +
         guard.offset;
}

absl::Status Canaries::BeforeStep(const Plan& plan, int step) {
  for (const Guard& guard : guards_[step]) {
    if (guard.space == Space::kScratch) {
      std::fill_n(Place(guard, step), plan.guard_bytes, kCanary);
      continue;
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    if (written_[guard.buffer]) continue;
    written_[guard.buffer] = 1;
    std::fill_n(Place(guard, step), plan.guard_bytes, kCanary);
  }
  return absl::OkStatus();
}

absl::Status Canaries::AfterStep(const Plan& plan, int step, const KernelContext& /*context*/) {
  for (const Guard& guard : guards_[step]) {
    const std::byte* const first = Place(guard, step);
    const std::byte* const end = first + plan.guard_bytes;
    const std::byte* const changed =
        std::find_if(first, end, [](std::byte b) { return b != kCanary; });
    const std::lock_guard<std::mutex> lock(mutex_);
    ++num_checks_;
    if (changed == end || !status_.ok()) continue;
    status_ = absl::InternalError(absl::StrCat("after ", StepText(plan, step), " byte ",
                                               changed - first, " behind ", BufferText(plan, guard),
                                               " was found changed"));
  }
  return absl::OkStatus();
}

std::string Canaries::BufferText(const Plan& plan, const Guard& guard) const {
  if (guard.buffer == kOfKernel) return "the scratch memory of kernels";
  if (guard.buffer == kLocalValue) return "a value in scratch memory";
  const Buffer& buffer = plan.buffers[guard.buffer];
  return absl::StrCat("the ", buffer.bytes, " bytes of node ", Quoted(plan.ops[buffer.op].name));
}

}  // namespace flowgrad
