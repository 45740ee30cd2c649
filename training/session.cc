#include "training/session.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "graph/graph_builder.h"
#include "graph/model_graph.h"
#include "graph/passes/passes.h"
#include "proto/model_file.h"
#include "scheduler/feeds.h"
#include "scheduler/float_mode.h"
#include "scheduler/plan.h"
#include "training/exclusive.h"
#include "training/session_memory.h"
#include "training/training_check.h"

namespace flowgrad {
namespace {

// The model as it infers, with `fetches` among its outputs, so that folding keeps them.
absl::StatusOr<Graph> InferenceGraph(const Graph& model, const std::vector<std::string>& fetches,
                                     const OpRegistry& registry) {
  GraphBuilder builder(model, registry);
  std::set<std::string> outputs;
  for (const GraphOutput& output : model.outputs()) outputs.insert(output.name);
  for (const std::string& name : fetches) {
    RETURN_IF_ERROR(FindFetch(model, name).status());
    if (outputs.insert(name).second) builder.Output(builder.Find(name));
  }
  ASSIGN_OR_RETURN(const Graph fetched, std::move(builder).Build());
  return FoldTrainingMode(fetched, /*training=*/false, registry);
}

// `images float[128,784], labels int64[128]`: what a plan is fed.
std::string FeedsText(const Plan& plan) {
  std::vector<std::string> texts;
  for (const Plan::Slot& slot : plan.inputs) {
    const std::string& name = plan.graph->inputs()[slot.index].name;
    if (name == kLearningRate) continue;
    texts.push_back(absl::StrCat(Escaped(name), " ", DTypeName(slot.dtype), DimsString(slot.dims)));
  }
  return texts.empty() ? "nothing" : absl::StrJoin(texts, ", ");
}

absl::Status CheckRate(double rate) {
  if (rate >= 0 && rate <= std::numeric_limits<float>::max()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("learning rate must be from 0 on and finite, but is ", Number(rate)));
}

}  // namespace

SessionOptions Completed(SessionOptions options, const TrainingDef& training) {
  if (!options.seed && training.has_seed()) options.seed = training.seed();
  if (options.loss.empty()) options.loss = training.loss();
  if (!options.optimizer) options.optimizer = ToOptimizer(training.optimizer());
  if (!options.clip_norm) options.clip_norm = training.clip_norm();
  if (options.freeze.empty()) {
    options.freeze.assign(training.freeze().begin(), training.freeze().end());
  }
  return options;
}

absl::StatusOr<std::unique_ptr<Session>> Session::Open(absl::string_view path,
                                                       SessionOptions options) {
  ASSIGN_OR_RETURN(const ModelDef model, ReadModelFile(path));
  options = Completed(std::move(options), model.training());
  const OpRegistry& registry = options.registry != nullptr ? *options.registry : BuiltinOps();
  const absl::StatusOr<Graph> graph = BuildGraph(model.graph(), registry);
  if (!graph.ok()) return InFile(path, graph.status());
  absl::StatusOr<std::unique_ptr<Session>> session = Make(*graph, std::move(options));
  if (!session.ok()) return InFile(path, session.status());
  return session;
}

absl::StatusOr<std::unique_ptr<Session>> Session::Make(const Graph& model, SessionOptions options) {
  const FloatMode mode;
  if (options.check_numerics && options.observer != nullptr) {
    return absl::InvalidArgumentError("check_numerics and an observer exclude each other");
  }
  std::unique_ptr<Session> session(new Session(model, std::move(options)));
  if (!session->trains()) {
    ASSIGN_OR_RETURN(TensorMap states,
                     InitializeStates(model, session->seed_, session->options_.memory_limit));
    session->states_.Take(std::move(states));
    return session;
  }
  ASSIGN_OR_RETURN(ParameterNames frozen, FrozenParameters(session->options_.freeze, model));
  RETURN_IF_ERROR(session->MakeStep(std::move(frozen)));
  return session;
}

Session::Session(const Graph& model, SessionOptions options)
    : model_(model),
      options_(std::move(options)),
      loss_name_(options_.loss),
      seed_(options_.seed.value_or(1)),
      learning_rate_(options_.optimizer.value_or(Optimizer()).learning_rate),
      rate_(Tensor::Scalar(0.0)) {}

Session::~Session() = default;

const OpRegistry& Session::registry() const {
  return options_.registry != nullptr ? *options_.registry : BuiltinOps();
}

void Session::Log(absl::string_view line) const {
  if (options_.log) options_.log(line);
}

Runner::Options Session::RunnerOptions(std::string what) {
  Runner::Options options;
  options.workers = options_.workers;
  options.plan = options_.plan;
  options.observer = options_.observer;
  if (options_.check_numerics) {
    options.plan = NodeByNode();
    options.observer = &numerics_check_;
  }
  options.memory_limit = options_.memory_limit;
  if (options_.memory_limit) options.make_room = [this](const Plan& plan) { MakeRoom(plan); };
  if (!options_.log) return options;
  options.on_plan = [this, what = std::move(what)](const Plan& plan) {
    Log(absl::StrCat("planned ", what, " for ", FeedsText(plan), ": ", plan.steps.size(),
                     " steps in ", plan.tasks.size(), " tasks, ", plan.arena_bytes,
                     " bytes and for each thread ", plan.scratch_bytes));
  };
  return options;
}

// Of the shapes seen before, those that nobody runs now.
void Session::MakeRoom(const Plan& plan) {
  const int64_t more = plan.arena_bytes + plan.cache_bytes +
                       plan.scratch_bytes * int64_t{options_.workers.threads()};
  if (AddBytes(num_bytes(), more) <= *options_.memory_limit) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const auto& [fetches, runner] : runners_) runner->DropIdle();
  if (step_runner_ != nullptr) step_runner_->DropIdle();
}

absl::StatusOr<Runner*> Session::RunnerFor(const std::vector<std::string>& fetches) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (const auto found = runners_.find(fetches); found != runners_.end()) {
    return found->second.get();
  }
  ASSIGN_OR_RETURN(Graph graph, InferenceGraph(model_, fetches, registry()));
  const std::string what = absl::StrCat(
      "a run of ", absl::StrJoin(fetches, ", ", [](std::string* out, const std::string& name) {
        absl::StrAppend(out, Quoted(name));
      }));
  auto runner = std::make_unique<Runner>(std::make_shared<const Graph>(std::move(graph)), fetches,
                                         &states_, RunnerOptions(what));
  return (runners_[fetches] = std::move(runner)).get();
}

// Holds states back from Freeze() from the beginning, not from when the run itself asks for them.
absl::Status Session::Run(const TensorMap& feeds, const std::vector<std::string>& fetches,
                          absl::Span<Tensor> outputs, const std::atomic<bool>* cancel) {
  const FloatMode mode;
  const StateStore::Access access(&states_, /*writes=*/false);
  RETURN_IF_ERROR(access.status());
  RETURN_IF_ERROR(CheckMemory(feeds, fetches, outputs));
  ASSIGN_OR_RETURN(Runner* const runner, RunnerFor(fetches));
  StepValues values;
  values.seed = seed_;
  values.step = step_;
  return runner->Run(feeds, outputs, values, cancel);
}

absl::StatusOr<std::vector<Tensor>> Session::Run(const TensorMap& feeds,
                                                 const std::vector<std::string>& fetches,
                                                 const std::atomic<bool>* cancel) {
  const FloatMode mode;
  const StateStore::Access access(&states_, /*writes=*/false);
  RETURN_IF_ERROR(access.status());
  RETURN_IF_ERROR(CheckMemory(feeds));
  ASSIGN_OR_RETURN(Runner* const runner, RunnerFor(fetches));
  StepValues values;
  values.seed = seed_;
  values.step = step_;
  return runner->Run(feeds, values, cancel);
}

absl::StatusOr<double> Session::Step(const TensorMap& batch, const std::atomic<bool>* cancel) {
  if (!trains()) {
    return absl::FailedPreconditionError(
        "the session has no loss: it runs its model, and does not train it");
  }
  const Exclusive mine(&stepping_);
  RETURN_IF_ERROR(mine.status());
  const FloatMode mode;
  const double rate = learning_rate_;
  RETURN_IF_ERROR(CheckRate(rate));
  RETURN_IF_ERROR(CheckMemory(batch));
  if (batch.find(kLearningRate) != batch.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat("input ", Quoted(kLearningRate), " is fed by set_learning_rate()"));
  }
  rate_.data<double>()[0] = rate;
  StepValues values;
  values.seed = seed_;
  values.step = step_;
  Lend(batch);
  const absl::Status status =
      step_runner_->Run(step_feeds_, absl::MakeSpan(&loss_, 1), values, cancel);
  TakeBack();
  if (absl::IsAborted(status) && options_.check_numerics) {
    return absl::AbortedError(absl::StrCat("at step ", values.step + 1, ": ", status.message()));
  }
  if (absl::IsAborted(status)) {
    return absl::AbortedError(
        absl::StrCat("loss is not finite at step ", values.step + 1,
                     ": the weights are those before it; a smaller learning rate may help"));
  }
  RETURN_IF_ERROR(status);
  // A count set meanwhile stays.
  step_.compare_exchange_strong(values.step, values.step + 1);
  return loss_.at(0);
}

// The map is kept from step to step, since a new one would ask for memory.
void Session::Lend(const TensorMap& batch) {
  bool same_names = batch.size() + 1 == step_feeds_.size();
  for (auto fed = batch.begin(); same_names && fed != batch.end(); ++fed) {
    const auto mine = step_feeds_.find(fed->first);
    same_names = mine != step_feeds_.end();
    if (same_names) mine->second = fed->second;
  }
  if (same_names) return;
  step_feeds_ = batch;
  step_feeds_.emplace(kLearningRate, rate_);
}

void Session::TakeBack() {
  for (auto& [name, tensor] : step_feeds_) {
    if (name != kLearningRate) tensor = Tensor();
  }
}

absl::Status Session::MakeStep(ParameterNames frozen) {
  ASSIGN_OR_RETURN(
      TrainGraph train,
      BuildTrainGraph(model_, loss_name_, options_.optimizer.value_or(Optimizer()), registry(),
                      {.frozen = &frozen, .clip_norm = options_.clip_norm.value_or(0)}));
  for (const std::string& name : train.unreachable) {
    Log(absl::StrCat("warning: the loss does not depend on parameter ", Quoted(name),
                     ", which keeps its value"));
  }
  Runner::Options options = RunnerOptions("a training step");
  options.update_states = true;
  ASSIGN_OR_RETURN(const ValueId loss, FindFetch(train.graph, train.loss));
  const DType loss_type = train.graph.type(loss).dtype;
  const auto graph = std::make_shared<const Graph>(std::move(train.graph));
  auto runner =
      std::make_unique<Runner>(graph, std::vector<std::string>{train.loss}, &states_, options);
  if (!options_.batch.empty()) {
    FedTypes types(options_.batch.begin(), options_.batch.end());
    types.emplace(kLearningRate, rate_.type());
    RETURN_IF_ERROR(runner->PlanAhead(types));
  }
  const std::vector<State>& states = graph->states();
  const bool all_known = std::all_of(states.begin(), states.end(), [&](const State& state) {
    return states_.Find(state.name) != nullptr;
  });
  TensorMap initial;
  if (!all_known) {
    ASSIGN_OR_RETURN(initial, InitializeStates(*graph, seed_, options_.memory_limit));
    for (const auto& [name, tensor] : states_.tensors()) initial.erase(name);
  }

  const std::lock_guard<std::mutex> lock(mutex_);
  states_.Take(std::move(initial));
  loss_ = Tensor(loss_type, {});
  step_runner_ = std::move(runner);
  frozen_ = std::move(frozen);
  unreachable_ = ParameterNames(train.unreachable.begin(), train.unreachable.end());
  return absl::OkStatus();
}

int64_t Session::num_bytes() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  int64_t bytes = 0;
  for (const auto& [name, tensor] : states_.tensors()) bytes += tensor.num_bytes();
  for (const auto& [fetches, runner] : runners_) bytes += runner->num_bytes();
  return step_runner_ == nullptr ? bytes : bytes + step_runner_->num_bytes();
}

}  // namespace flowgrad
