// A model that a program holds in its hand: trained step by step, run, read, written, saved.
//
//   SessionOptions options;
//   options.loss = "loss";
//   options.optimizer = Optimizer::Adam(0.001);
//   ASSIGN_OR_RETURN(const auto session, Session::Open("model.pbtxt", options));
//   const TensorMap batch = {{"x", Tensor::Borrow(DType::kFloat, {128, 784}, pixels)},
//                            {"labels", Tensor::Borrow(DType::kInt64, {128}, labels)}};
//   ASSIGN_OR_RETURN(const double loss, session->Step(batch));
//   ASSIGN_OR_RETURN(const auto answer, session->Run(batch, {"logits"}));
//
// The caller's memory. A fed tensor that lies row by row is read where it is; one with other
// strides is copied first. Elements must be aligned to their own size. Memory is read and written
// only while Run() or Step() is under way, and nothing of it is kept. Borrow() itself asks for a
// few bytes: keep its tensors, and change what they look at.
//
// Memory of the session. A plan and its memory are made when shapes are first seen, and kept for
// the last 16 combinations of each list of fetches. After that a Step() asks for no memory, and
// neither does a Run() into tensors of the caller, with any number of threads.
//
// Bits. What a session computes depends on model, seed, step count, states and batches, not on
// threads, nor on the floating-point mode of the caller, which is kept.
//
// Threads. Sessions are independent. Of one session, any number of threads may Run(), Get() and
// Save() at once. Step(), Set(), Load(), Freeze() and Unfreeze() need the states for themselves.
// Who comes while the other kind is under way is refused at once, with FailedPrecondition, and
// changes nothing; nobody waits. The rest may be called at any time. While a thread waits for the
// other threads of an arena it may run other tasks of that arena: hold no lock meanwhile that they
// take.
//
// What fails leaves everything as it was, the step count too. Nothing here prints, exits, throws on
// a caller's mistake, touches signals or the environment, or starts a thread that `workers` does
// not have.

#ifndef FLOWGRAD_TRAINING_SESSION_H_
#define FLOWGRAD_TRAINING_SESSION_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "graph/graph.h"
#include "ops/builtin_ops.h"
#include "scheduler/memory_limit.h"
#include "scheduler/numerics_check.h"
#include "scheduler/plan_options.h"
#include "scheduler/runner.h"
#include "scheduler/state_store.h"
#include "scheduler/workers.h"
#include "training/optimizer.h"
#include "training/safetensors.h"
#include "training/train_graph.h"

namespace flowgrad {

class TrainingDef;

struct SessionOptions {
  Workers workers = Workers(1);  // the calling thread only; flowgrad_tbb.h: the caller's arena
  // What a file's training section says is used where these are left out.
  std::optional<uint64_t> seed = {};  // of initial values and dropout; default: 1
  std::string loss = {};              // value to be made small; default: none, nothing is trained
  std::optional<Optimizer> optimizer = {};  // default: Optimizer()
  std::optional<double> clip_norm = {};     // of the gradients: TrainGraphOptions; default: 0
  // Patterns of parameters that keep their values, as if Freeze() were called; default: none.
  std::vector<std::string> freeze = {};

  // Takes one line, without its end, when a plan is made and for each warning. Called by any thread
  // that calls the session; must not call it back.
  std::function<void(absl::string_view)> log = {};
  // Steps and runs that make a NaN or an infinity fail with Aborted, which says where: see
  // scheduler/numerics_check.h. Each bit is the same, but all is slower, and `plan` has no effect.
  bool check_numerics = false;
  // Looks at all runs, on the threads that run them; must outlive the session. Not
  // with `check_numerics`.
  StepObserver* observer = nullptr;
  const OpRegistry* registry = nullptr;  // must outlive the session; null: BuiltinOps()
  PlanOptions plan = {};
  // A model of which the states, or a run with its states, hold more bytes is refused:
  // InvalidArgument. Memory of other runs is given back where all together would hold more.
  MemoryLimit memory_limit = {};  // default: what the process may have
  // Types of what Step() will be fed, all of whose dims are known: it is then planned, and held
  // against the limit, before the states are made. Default: at the first Step().
  std::map<std::string, TensorType> batch = {};
};

// What `options` leave out as a training section says it, with its defaults.
SessionOptions Completed(SessionOptions options, const TrainingDef& training);

class Session {
 public:
  // A model file, text or binary. Errors are those of ReadGraph() and Make(), each line with the
  // file's name.
  static absl::StatusOr<std::unique_ptr<Session>> Open(absl::string_view path,
                                                       SessionOptions options = {});
  // A graph as it was built, "training_mode" not folded. InvalidArgument: what BuildTrainGraph()
  // refuses, and an observer with check_numerics; NotFound: a pattern of `freeze` that no parameter
  // matches; ResourceExhausted: too little memory for the states.
  static absl::StatusOr<std::unique_ptr<Session>> Make(const Graph& model,
                                                       SessionOptions options = {});
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  // Values or outputs of the model, as it infers, by name. Inputs that they do not need may be left
  // out. NotFound, with the nearest name; InvalidArgument for feeds that do not fit; what an op
  // says, with its node. Cancelled where `cancel` becomes true before the end.
  absl::StatusOr<std::vector<Tensor>> Run(const TensorMap& feeds,
                                          const std::vector<std::string>& fetches,
                                          const std::atomic<bool>* cancel = nullptr);
  // The same into tensors of the caller: row by row, of the fetches' types, of memory that no feed
  // and no other output shares; InvalidArgument otherwise.
  absl::Status Run(const TensorMap& feeds, const std::vector<std::string>& fetches,
                   absl::Span<Tensor> outputs, const std::atomic<bool>* cancel = nullptr);

  // Trains on a batch and gives its loss as it was before. Aborted for a loss that is not finite,
  // and for what check_numerics finds: the states are then those before the step.
  // FailedPrecondition in a session without a loss; errors and `cancel` as in Run().
  absl::StatusOr<double> Step(const TensorMap& batch, const std::atomic<bool>* cancel = nullptr);

  bool trains() const { return !loss_name_.empty(); }
  // Steps done. Dropout draws by it, so that a run that goes on elsewhere sets it.
  int64_t step() const { return step_; }
  void set_step(int64_t step) { step_ = step; }
  // Of the steps from now on; nothing is rebuilt.
  double learning_rate() const { return learning_rate_; }
  void set_learning_rate(double rate) { learning_rate_ = rate; }

  // What the session keeps between steps: the model's states, in its order, then those of the
  // optimizer ("optimizer/<parameter>/momentum").
  struct StateInfo {
    std::string name;
    TensorType type;
    bool of_model = true;      // otherwise the optimizer's
    bool parameter = false;    // of the model, and trained unless frozen
    bool frozen = false;       // keeps its value
    bool unreachable = false;  // the loss does not depend on it, so that it keeps its value
  };
  std::vector<StateInfo> states() const;
  // A copy. NotFound, with the nearest name.
  absl::StatusOr<Tensor> Get(absl::string_view name) const;
  // NotFound, with the nearest name; InvalidArgument unless the type is the state's.
  absl::Status Set(absl::string_view name, const Tensor& value);

  // The parameters that match a pattern ("encoder/*": base/name_pattern.h) keep their values from
  // the next step on, until Unfreeze(); the optimizer's states of them are kept. NotFound if none
  // matches.
  absl::Status Freeze(absl::string_view pattern);
  absl::Status Unfreeze(absl::string_view pattern);

  enum class Saved : uint8_t {
    kModel,  // the model's states
    kAll,    // the optimizer's too, and the step count: what training goes on from
  };
  // As a safetensors file.
  absl::StatusOr<std::string> SaveToBytes(Saved saved = Saved::kModel) const;
  absl::Status Save(absl::string_view path, Saved saved = Saved::kModel) const;

  // Takes states from what was saved. Of states and tensors, those count that match one of
  // `patterns`, or all if there are none; names and types of those must be the same on both sides:
  // InvalidArgument with every difference. The optimizer's states are asked for only if the file
  // has any, and left out by a session that does not train. The step count is taken where there are
  // no patterns.
  absl::Status LoadFromBytes(absl::string_view bytes,
                             const std::vector<std::string>& patterns = {});
  absl::Status Load(absl::string_view path, const std::vector<std::string>& patterns = {});
  absl::Status Take(const TensorFile& file, const std::vector<std::string>& patterns = {});

  // Copies: the model's states, in its order, and for kAll those of the optimizer.
  absl::StatusOr<std::vector<NamedTensor>> Copy(Saved saved) const;
  absl::StatusOr<std::vector<NamedTensor>> Weights() const { return Copy(Saved::kModel); }
  // Of the model's states, as docs/weights-hash.md says.
  absl::StatusOr<std::string> WeightsHash() const;
  // Bytes of the states, and of the memory that the runs so far were planned into.
  int64_t num_bytes() const;

 private:
  Session(const Graph& model, SessionOptions options);
  const OpRegistry& registry() const;
  void Log(absl::string_view line) const;
  Runner::Options RunnerOptions(std::string what);
  void MakeRoom(const Plan& plan);
  absl::StatusOr<Runner*> RunnerFor(const std::vector<std::string>& fetches);
  absl::Status MakeStep(ParameterNames frozen);
  absl::Status SetFrozen(absl::string_view pattern, bool frozen);
  void Lend(const TensorMap& batch);
  void TakeBack();
  std::vector<NamedTensor> Look(Saved saved) const;
  Metadata TextsOf(Saved saved) const;
  absl::Status NoSuchState(absl::string_view name) const;

  const Graph model_;
  const SessionOptions options_;
  const std::string loss_name_;
  const uint64_t seed_;
  mutable StateStore states_;
  mutable NumericsCheck numerics_check_;
  std::atomic<int64_t> step_ = 0;
  std::atomic<double> learning_rate_ = 0;

  // Of whoever steps, or changes how: see training/exclusive.h.
  std::atomic<bool> stepping_ = false;
  TensorMap step_feeds_;  // the learning rate, and in Step() the tensors of the batch
  Tensor rate_, loss_;

  // Guards what follows; step_runner_ and the lists of names change with `stepping_` only.
  mutable std::mutex mutex_;
  std::map<std::vector<std::string>, std::unique_ptr<Runner>> runners_;  // by fetches
  std::unique_ptr<Runner> step_runner_;
  ParameterNames frozen_, unreachable_;
};

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_SESSION_H_
