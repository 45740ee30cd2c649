#include "scheduler/runner.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "scheduler/plan_memory.h"
#include "scheduler/planner.h"

namespace flowgrad {

// What is kept for one combination of shapes.
struct Runner::Shapes {
  struct Input {
    std::string name;
    DType dtype;
    Dims dims;
  };
  // A run state, with what a run hands to it.
  struct Lent {
    std::unique_ptr<RunState> run;
    std::vector<const void*> inputs;
    std::vector<void*> outputs;
  };

  bool Fits(const TensorMap& feeds) const {
    if (feeds.size() != inputs.size()) return false;
    auto input = inputs.begin();
    for (const auto& [name, tensor] : feeds) {
      if (name != input->name || tensor.dtype() != input->dtype || tensor.dims() != input->dims) {
        return false;
      }
      ++input;
    }
    return true;
  }

  std::vector<Input> inputs;  // in the order of their names
  std::shared_ptr<const Plan> plan;
  std::vector<Lent> idle;
};

Runner::Runner(std::shared_ptr<const Graph> graph, std::vector<std::string> fetches,
               StateStore* states, Options options)
    : graph_(std::move(graph)),
      fetches_(std::move(fetches)),
      states_(states),
      options_(std::move(options)) {}

Runner::~Runner() = default;

absl::StatusOr<std::shared_ptr<Runner::Shapes>> Runner::Find(const TensorMap& feeds) {
  for (auto shapes = shapes_.begin(); shapes != shapes_.end(); ++shapes) {
    if (!(*shapes)->Fits(feeds)) continue;
    shapes_.splice(shapes_.begin(), shapes_, shapes);
    return shapes_.front();
  }
  FedTypes types;
  for (const auto& [name, tensor] : feeds) {
    if (!tensor.present()) {
      return absl::InvalidArgumentError(absl::StrCat("input ", Quoted(name), " has no value"));
    }
    types[name] = tensor.type();
  }
  return Add(types);
}

absl::StatusOr<std::shared_ptr<Runner::Shapes>> Runner::Add(const FedTypes& types) {
  auto made = std::make_shared<Shapes>();
  for (const auto& [name, type] : types) {
    made->inputs.push_back({name, type.dtype, KnownDims(type.shape)});
  }
  ASSIGN_OR_RETURN(made->plan,
                   MakePlan(graph_, types, fetches_, options_.update_states, options_.plan));
  RETURN_IF_ERROR(CheckMemoryLimit(*made->plan, options_.workers.threads(), options_.memory_limit));
  if (options_.on_plan) options_.on_plan(*made->plan);
  shapes_.push_front(std::move(made));
  if (shapes_.size() > options_.most_plans) shapes_.pop_back();
  return shapes_.front();
}

absl::StatusOr<std::shared_ptr<const Plan>> Runner::PlanFor(const TensorMap& feeds) {
  const std::lock_guard<std::mutex> lock(mutex_);
  ASSIGN_OR_RETURN(const std::shared_ptr<Shapes> shapes, Find(feeds));
  return shapes->plan;
}

absl::Status Runner::PlanAhead(const FedTypes& types) {
  const std::lock_guard<std::mutex> lock(mutex_);
  return Add(types).status();
}

void Runner::DropIdle() {
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const std::shared_ptr<Shapes>& shapes : shapes_) shapes->idle.clear();
}

int64_t Runner::num_bytes() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  int64_t bytes = 0;
  for (const std::shared_ptr<Shapes>& shapes : shapes_) {
    for (const Shapes::Lent& lent : shapes->idle) bytes += lent.run->num_bytes();
  }
  return bytes;
}

absl::Status Runner::Run(const TensorMap& feeds, absl::Span<Tensor> outputs,
                         const StepValues& values, const std::atomic<bool>* cancel) {
  if (outputs.size() != fetches_.size()) {
    return absl::InvalidArgumentError(absl::StrCat("a run gives ", fetches_.size(),
                                                   " values, but there are ", outputs.size(),
                                                   " tensors for them"));
  }
  std::shared_ptr<Shapes> shapes;
  Shapes::Lent lent;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ASSIGN_OR_RETURN(shapes, Find(feeds));
    if (!shapes->idle.empty()) {
      lent = std::move(shapes->idle.back());
      shapes->idle.pop_back();
    }
  }
  if (lent.run == nullptr) {
    if (options_.make_room) options_.make_room(*shapes->plan);
    ASSIGN_OR_RETURN(lent.run, RunState::Make(shapes->plan, states_, options_.workers));
    lent.run->set_observer(options_.observer);
    lent.inputs.resize(shapes->plan->inputs.size());
    lent.outputs.resize(outputs.size());
  }
  const Plan& plan = *shapes->plan;
  std::vector<Tensor> copies;  // of feeds that do not lie row by row
  for (size_t i = 0; i < plan.inputs.size(); ++i) {
    const Tensor& fed = feeds.find(graph_->inputs()[plan.inputs[i].index].name)->second;
    const Tensor* readable = &fed;
    if (!fed.is_contiguous()) {
      copies.push_back(fed.Contiguous());
      readable = &copies.back();
    }
    lent.inputs[i] = readable->bytes();
  }
  absl::Status status;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Plan::Slot& slot = plan.outputs[i];
    if (!outputs[i].present() || outputs[i].dtype() != slot.dtype ||
        outputs[i].dims() != slot.dims || !outputs[i].is_contiguous()) {
      status = absl::InvalidArgumentError(absl::StrCat("the tensor for ", Quoted(fetches_[i]),
                                                       " must be ", DTypeName(slot.dtype),
                                                       DimsString(slot.dims), ", row by row"));
      break;
    }
    lent.outputs[i] = outputs[i].bytes();
  }
  if (status.ok())
    status = lent.run->Run(lent.inputs, absl::MakeSpan(lent.outputs), values, cancel);
  const std::lock_guard<std::mutex> lock(mutex_);
  shapes->idle.push_back(std::move(lent));
  return status;
}

absl::StatusOr<std::vector<Tensor>> Runner::Run(const TensorMap& feeds, const StepValues& values,
                                                const std::atomic<bool>* cancel) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const Plan> plan, PlanFor(feeds));
  std::vector<Tensor> outputs;
  for (const Plan::Slot& slot : plan->outputs) outputs.emplace_back(slot.dtype, slot.dims);
  RETURN_IF_ERROR(Run(feeds, absl::MakeSpan(outputs), values, cancel));
  return outputs;
}

}  // namespace flowgrad
