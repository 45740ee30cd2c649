#include "scheduler/gradient_check.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <random>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "graph/graph_builder.h"
#include "graph/initializer.h"
#include "graph/passes/passes.h"
#include "ops/run_op.h"
#include "scheduler/moving_point.h"

namespace flowgrad {
namespace {

constexpr double kStep = 1e-5;
constexpr double kTolerance = 1e-6;
constexpr double kSmallest = 1e-9;  // beside what is relative
constexpr double kFloor = 0.001;    // of the tensor's largest numeric gradient

Tensor Widened(const Tensor& tensor) {
  return tensor.dtype() == DType::kFloat ? tensor.Cast(DType::kDouble) : tensor;
}

TensorMap Widened(const TensorMap& tensors) {
  TensorMap wide;
  for (const auto& [name, tensor] : tensors) wide[name] = Widened(tensor);
  return wide;
}

// f(x + step) and the like along one element of a source, as differences from f(x).
class Line {
 public:
  Line(const MovingPoint& point, const TensorList& ys, const TensorList& upstream, ValueId source,
       int64_t element)
      : point_(point),
        ys_(ys),
        upstream_(upstream),
        source_(source),
        element_(element),
        x_(point.value(source).at(element)) {}

  double x() const { return x_; }

  // f at `position` less f(x).
  absl::StatusOr<double> Rise(double position) const {
    Tensor moved = point_.value(source_).Contiguous().Cast(DType::kDouble);
    moved.set(element_, position);
    ASSIGN_OR_RETURN(const TensorList ys, point_.Ys(source_, moved));
    double rise = 0;
    for (size_t k = 0; k < ys.size(); ++k) {
      const int64_t count = ys[k].num_elements();
      for (int64_t i = 0; i < count; ++i) {
        const double difference = ys[k].at(i) - ys_[k].at(i);
        if (difference != 0) rise += upstream_[k].at(i) * difference;
      }
    }
    return rise;
  }

  // f(x+h) - 2f(x) + f(x-h).
  absl::StatusOr<double> Bend(double h) const {
    ASSIGN_OR_RETURN(const double above, Rise(x_ + h));
    ASSIGN_OR_RETURN(const double below, Rise(x_ - h));
    return above + below;
  }

 private:
  const MovingPoint& point_;
  const TensorList& ys_;
  const TensorList& upstream_;
  const ValueId source_;
  const int64_t element_;
  const double x_;
};

double StepAt(double x) { return kStep * std::max(1.0, std::fabs(x)); }

absl::StatusOr<double> Difference(const Line& line) {
  const double h = StepAt(line.x()), above = line.x() + h, below = line.x() - h;
  ASSIGN_OR_RETURN(const double high, line.Rise(above));
  ASSIGN_OR_RETURN(const double low, line.Rise(below));
  return (high - low) / (above - below);
}

// See Note [What a kink is]. `allowed` is the error that is allowed here.
absl::StatusOr<bool> IsKink(const Line& line, double allowed) {
  const double h = StepAt(line.x());
  ASSIGN_OR_RETURN(const double whole, line.Bend(h));
  ASSIGN_OR_RETURN(const double half, line.Bend(h / 2));
  ASSIGN_OR_RETURN(const double quarter, line.Bend(h / 4));
  const double kink = std::max(std::fabs(whole - 4 * half), std::fabs(whole - 16 * quarter) / 4);
  return kink / (2 * h) > allowed / 4;
}

double Allowed(double a, double n, double largest) {
  return kTolerance * std::max({std::fabs(a), std::fabs(n), kFloor * largest}) + kSmallest;
}

struct Element {
  int64_t index;
  double numeric;
};

// A tensor that f is differentiated by.
struct Target {
  std::string name;
  ValueId source;
  std::vector<Element> elements;  // without kinks
  int64_t num_kinks = 0;
  double largest = 0;  // |numeric|
};

// `analytic` against the differences of a target.
TensorGradients Compare(const Target& target, const Tensor& value, const Tensor& analytic) {
  TensorGradients result;
  result.name = target.name;
  result.dims = value.dims();
  result.num_checked = static_cast<int64_t>(target.elements.size());
  result.num_kinks = target.num_kinks;
  for (const Element& element : target.elements) {
    const double a = analytic.present() ? analytic.at(element.index) : 0, n = element.numeric;
    const double error = std::fabs(a - n) / Allowed(a, n, target.largest);
    const bool worse = !(error <= result.worst_error) && !std::isnan(result.worst_error);
    if (!worse && result.worst_element >= 0) continue;
    result.worst_element = element.index;
    result.analytic = a;
    result.numeric = n;
    result.worst_error = error;
  }
  return result;
}

int64_t LargestElement(const Tensor& tensor) {
  int64_t largest = 0;
  for (int64_t i = 1; i < tensor.num_elements(); ++i) {
    if (std::fabs(tensor.at(i)) > std::fabs(tensor.at(largest))) largest = i;
  }
  return largest;
}

bool SameBits(const TensorList& a, const TensorList& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i].present() != b[i].present()) return false;
    if (a[i].present() &&
        std::memcmp(a[i].bytes(), b[i].bytes(), static_cast<size_t>(a[i].num_bytes())) != 0) {
      return false;
    }
  }
  return true;
}

}  // namespace

bool GradientResult::ok() const {
  return !too_many_kinks() && std::all_of(tensors.begin(), tensors.end(),
                                          [](const TensorGradients& t) { return t.ok(); });
}

struct GradientCheck::State {
  const OpRegistry* registry;
  Options options;
  Graph graph;  // in double, forward only
  std::vector<ValueId> ys;
  TensorMap feeds, states;
  TensorList y_values, upstream;
  TensorList gradients;  // analytic, by target
  std::vector<Target> targets;
  std::vector<std::string> mutable_ops;
  GradientResult result;

  absl::Status FindYs(const std::vector<std::string>& names);
  void FindTargets();
  absl::Status DrawUpstream(const MovingPoint& point);
  absl::StatusOr<TensorList> DifferentiateWith(GradientMutation* mutation,
                                               std::vector<std::string>* rules) const;
  absl::Status TakeDifferences(const MovingPoint& point);
  absl::Status TakeDifferences(const MovingPoint& point, const Tensor& analytic, Target& target);
};

absl::Status GradientCheck::State::FindYs(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(const ValueId y, FindFetch(graph, name));
    ys.push_back(y);
  }
  return absl::OkStatus();
}

void GradientCheck::State::FindTargets() {
  for (const flowgrad::State& state : graph.states()) {
    if (state.trained) targets.push_back({state.name, state.now, {}});
  }
  for (const GraphInput& input : graph.inputs()) {
    const bool fed = feeds.count(input.name) > 0;
    if (fed && graph.type(input.value).dtype == DType::kDouble) {
      targets.push_back({input.name, input.value, {}});
    }
  }
}

absl::Status GradientCheck::State::DrawUpstream(const MovingPoint& point) {
  for (const ValueId& y : ys) {
    y_values.push_back(point.value(y).Contiguous());
    const Tensor& value = y_values.back();
    if (value.rank() == 0) {
      upstream.push_back(Tensor::Filled(value.dtype(), {}, 1));
      continue;
    }
    ASSIGN_OR_RETURN(
        upstream.emplace_back(),
        Initialize(Uniform(-1, 1), graph.value_name(y), value.dtype(), value.dims(), options.seed));
  }
  return absl::OkStatus();
}

// The gradients by all targets. `rules`, if given, gets the ops whose rules were used.
absl::StatusOr<TensorList> GradientCheck::State::DifferentiateWith(
    GradientMutation* mutation, std::vector<std::string>* rules) const {
  GraphBuilder builder(graph, *registry);
  const int num_forward = builder.num_nodes();
  std::vector<Value> y_values_in, xs;
  GradientOptions gradient_options;
  gradient_options.mutation = mutation;
  TensorMap all_feeds = feeds;
  for (size_t k = 0; k < ys.size(); ++k) {
    const std::string name = absl::StrCat(kGradientPrefix, "upstream_", k);
    y_values_in.push_back(Value{&builder, ys[k].node, ys[k].port});
    gradient_options.upstream.push_back(builder.Input(name, graph.type(ys[k])));
    all_feeds[name] = upstream[k];
  }
  for (const Target& target : targets)
    xs.push_back({&builder, target.source.node, target.source.port});
  const std::vector<Value> values = Gradients(builder, y_values_in, xs, gradient_options);
  std::vector<std::string> names;
  for (const Value& value : values) {
    if (!value) continue;
    names.push_back(builder.node(value.node).outputs[value.port].name);
    builder.Output(value, names.back());
  }
  if (rules != nullptr) {
    std::set<std::string> used;
    for (int n = num_forward; n < builder.num_nodes(); ++n) {
      const ValueId forward = graph.Find(builder.node(n).forward);
      if (!forward.present()) continue;
      const Node& node = graph.node(forward);
      used.insert(node.op == nullptr ? "" : node.op->name());
    }
    rules->assign(used.begin(), used.end());
  }
  ASSIGN_OR_RETURN(const Graph backward, std::move(builder).Build());
  TensorMap run_states = states;
  ASSIGN_OR_RETURN(const TensorList found,
                   ReferenceRun(backward, all_feeds, run_states, names, options.step_values));
  TensorList gradients(values.size());
  for (size_t i = 0, next = 0; i < values.size(); ++i) {
    if (values[i]) gradients[i] = found[next++];
  }
  return gradients;
}

absl::Status GradientCheck::State::TakeDifferences(const MovingPoint& point, const Tensor& analytic,
                                                   Target& target) {
  const Tensor& value = point.value(target.source);
  std::vector<int64_t> order(value.num_elements());
  std::iota(order.begin(), order.end(), 0);
  if (order.empty()) return absl::OkStatus();
  // The standard fixes the numbers of this engine, but not those of std::shuffle.
  std::mt19937_64 random(options.seed ^ StreamOf(target.name));
  const int64_t wanted = std::min<int64_t>(options.most_elements, value.num_elements());
  if (wanted < value.num_elements()) {
    for (size_t i = order.size() - 1; i > 0; --i) std::swap(order[i], order[random() % (i + 1)]);
    if (analytic.present()) {
      std::iter_swap(order.begin(),
                     std::find(order.begin(), order.end(), LargestElement(analytic)));
    }
  }
  const auto line_of = [&](int64_t index) {
    return Line(point, y_values, upstream, target.source, index);
  };
  size_t next = 0;
  while (static_cast<int64_t>(target.elements.size()) < wanted && next < order.size()) {
    const size_t end = std::min(next + wanted - target.elements.size(), order.size());
    for (; next < end; ++next) {
      ASSIGN_OR_RETURN(const double n, Difference(line_of(order[next])));
      target.elements.push_back({order[next], n});
      if (std::fabs(n) > target.largest) target.largest = std::fabs(n);
    }
    std::vector<Element> smooth;
    for (const Element& element : target.elements) {
      const double a = analytic.present() ? analytic.at(element.index) : 0;
      const double allowed = Allowed(a, element.numeric, target.largest);
      bool kink = false;
      if (std::fabs(a - element.numeric) > allowed) {
        ASSIGN_OR_RETURN(kink, IsKink(line_of(element.index), allowed));
      }
      if (kink) ++target.num_kinks;
      if (!kink) smooth.push_back(element);
    }
    target.elements = std::move(smooth);
    // Enough to know that there are too many.
    if (target.num_kinks > wanted) break;
  }
  return absl::OkStatus();
}

absl::Status GradientCheck::State::TakeDifferences(const MovingPoint& point) {
  for (size_t i = 0; i < targets.size(); ++i) {
    RETURN_IF_ERROR(TakeDifferences(point, gradients[i], targets[i]));
    result.tensors.push_back(Compare(targets[i], point.value(targets[i].source), gradients[i]));
    result.num_checked += result.tensors.back().num_checked;
    result.num_kinks += targets[i].num_kinks;
  }
  return absl::OkStatus();
}

absl::StatusOr<GradientCheck> GradientCheck::Make(const Graph& graph,
                                                  const std::vector<std::string>& ys,
                                                  const TensorMap& feeds, const TensorMap& states,
                                                  const Options& options,
                                                  const OpRegistry& registry) {
  auto state = std::make_unique<State>();
  state->registry = &registry;
  state->options = options;
  ASSIGN_OR_RETURN(state->graph, ToDouble(graph, registry));
  state->feeds = Widened(feeds);
  for (const GraphInput& input : state->graph.inputs()) {
    if (input.default_value.present()) state->feeds.emplace(input.name, input.default_value);
  }
  state->states = Widened(states);
  RETURN_IF_ERROR(state->FindYs(ys));
  state->FindTargets();
  // A run of the whole graph first: its errors name nodes, inputs and variables.
  RETURN_IF_ERROR(
      ReferenceRun(state->graph, state->feeds, state->states, ys, options.step_values).status());
  TensorMap sources = state->feeds;
  sources.insert(state->states.begin(), state->states.end());
  ASSIGN_OR_RETURN(const MovingPoint point,
                   MovingPoint::Make(state->graph, state->ys, sources, options.step_values));
  RETURN_IF_ERROR(state->DrawUpstream(point));
  ASSIGN_OR_RETURN(state->gradients, state->DifferentiateWith(nullptr, &state->mutable_ops));
  RETURN_IF_ERROR(state->TakeDifferences(point));
  return GradientCheck(std::move(state));
}

GradientCheck::GradientCheck(std::unique_ptr<const State> state) : state_(std::move(state)) {}
GradientCheck::GradientCheck(GradientCheck&&) = default;
GradientCheck::~GradientCheck() = default;

const GradientResult& GradientCheck::result() const { return state_->result; }

std::vector<std::string> GradientCheck::MutableOps() const { return state_->mutable_ops; }

MutationOutcome GradientCheck::TryMutation(GradientMutation mutation) const {
  const absl::StatusOr<TensorList> gradients = state_->DifferentiateWith(&mutation, nullptr);
  if (mutation.applied == 0) return MutationOutcome::kNoEffect;
  if (!gradients.ok()) return MutationOutcome::kNoticed;
  if (SameBits(*gradients, state_->gradients)) return MutationOutcome::kNoEffect;
  for (size_t i = 0; i < gradients->size(); ++i) {
    const Target& target = state_->targets[i];
    const Tensor& right = state_->gradients[i];
    const Tensor& value = right.present() ? right : (*gradients)[i];
    if (value.present() && !Compare(target, value, (*gradients)[i]).ok()) {
      return MutationOutcome::kNoticed;
    }
  }
  return MutationOutcome::kNotNoticed;
}

}  // namespace flowgrad
