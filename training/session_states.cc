// What a session keeps between steps: looked at, changed, frozen, saved.

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/name_pattern.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "scheduler/float_mode.h"
#include "training/exclusive.h"
#include "training/session.h"
#include "training/session_memory.h"
#include "training/take_tensors.h"
#include "training/weights_hash.h"

namespace flowgrad {
namespace {

// Key of the step count among a file's texts.
constexpr char kStep[] = "step";

bool MatchesAny(const std::vector<std::string>& patterns, absl::string_view name) {
  return patterns.empty() ||
         std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return MatchesPattern(pattern, name); });
}

absl::StatusOr<int64_t> StepOf(const std::string& text) {
  int64_t step;
  if (absl::SimpleAtoi(text, &step) && step >= 0) return step;
  return absl::InvalidArgumentError(absl::StrCat(
      "metadata ", Quoted(kStep), " must be a number from 0 on, but is ", Quoted(text)));
}

}  // namespace

std::vector<Session::StateInfo> Session::states() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<StateInfo> infos;
  std::set<std::string> of_model;
  for (const State& state : model_.states()) {
    StateInfo info = {state.name, model_.type(state.now)};
    info.parameter = state.trained;
    info.frozen = state.trained && (trains() ? frozen_.count(state.name) > 0 : state.frozen);
    info.unreachable = unreachable_.count(state.name) > 0;
    infos.push_back(std::move(info));
    of_model.insert(state.name);
  }
  for (const auto& [name, tensor] : states_.tensors()) {
    if (of_model.count(name) > 0) continue;
    StateInfo info = {name, tensor.type()};
    info.of_model = false;
    infos.push_back(std::move(info));
  }
  return infos;
}

absl::Status Session::NoSuchState(absl::string_view name) const {
  std::vector<std::string> names;
  for (const StateInfo& info : states()) names.push_back(info.name);
  return absl::NotFoundError(
      absl::StrCat("no state is named ", Quoted(name), DidYouMean(name, names)));
}

absl::StatusOr<Tensor> Session::Get(absl::string_view name) const {
  const StateStore::Access access(&states_, /*writes=*/false);
  RETURN_IF_ERROR(access.status());
  Tensor copy = states_.Copy(name);
  if (!copy.present()) return NoSuchState(name);
  return copy;
}

absl::Status Session::Set(absl::string_view name, const Tensor& value) {
  const StateStore::Access access(&states_, /*writes=*/true, /*mends=*/true);
  RETURN_IF_ERROR(access.status());
  const Tensor* const state = states_.Find(name);
  if (state == nullptr) return NoSuchState(name);
  if (!value.present()) {
    return absl::InvalidArgumentError(absl::StrCat("state ", Quoted(name), " is given no value"));
  }
  if (value.type() != state->type()) {
    return absl::InvalidArgumentError(absl::StrCat("state ", Quoted(name), " must be ",
                                                   state->type().ToString(), ", but is given ",
                                                   value.type().ToString()));
  }
  RETURN_IF_ERROR(CheckMemory({{std::string(name), value}}));
  states_.Set({{std::string(name), value}});
  return absl::OkStatus();
}

absl::Status Session::Freeze(absl::string_view pattern) { return SetFrozen(pattern, true); }

absl::Status Session::Unfreeze(absl::string_view pattern) { return SetFrozen(pattern, false); }

absl::Status Session::SetFrozen(absl::string_view pattern, bool frozen) {
  if (!trains()) {
    return absl::FailedPreconditionError("the session has no loss: nothing changes its parameters");
  }
  const Exclusive mine(&stepping_);
  RETURN_IF_ERROR(mine.status());
  const StateStore::Access access(&states_, /*writes=*/true);
  RETURN_IF_ERROR(access.status());
  ASSIGN_OR_RETURN(const ParameterNames matching, ParametersThatMatch(pattern, model_));
  ParameterNames names = frozen_;
  for (const std::string& name : matching) {
    if (frozen) {
      names.insert(name);
    } else {
      names.erase(name);
    }
  }
  const FloatMode mode;
  return names == frozen_ ? absl::OkStatus() : MakeStep(std::move(names));
}

// Not copies. REQUIRES: no run writes
std::vector<NamedTensor> Session::Look(Saved saved) const {
  std::vector<NamedTensor> tensors;
  for (const StateInfo& info : states()) {
    if (info.of_model || saved == Saved::kAll) {
      tensors.emplace_back(info.name, *states_.Find(info.name));
    }
  }
  return tensors;
}

Metadata Session::TextsOf(Saved saved) const {
  if (saved == Saved::kModel) return {};
  return {{kStep, absl::StrCat(step())}};
}

absl::StatusOr<std::string> Session::SaveToBytes(Saved saved) const {
  const StateStore::Access access(&states_, /*writes=*/false);
  RETURN_IF_ERROR(access.status());
  return TensorsToBytes(Look(saved), TextsOf(saved));
}

absl::Status Session::Save(absl::string_view path, Saved saved) const {
  const StateStore::Access access(&states_, /*writes=*/false);
  RETURN_IF_ERROR(access.status());
  return SaveTensors(path, Look(saved), TextsOf(saved));
}

absl::Status Session::LoadFromBytes(absl::string_view bytes,
                                    const std::vector<std::string>& patterns) {
  constexpr absl::string_view kName = "weights";
  ASSIGN_OR_RETURN(const TensorFile file, TensorsFromBytes(bytes, kName));
  return InFile(kName, Take(file, patterns));
}

absl::Status Session::Load(absl::string_view path, const std::vector<std::string>& patterns) {
  ASSIGN_OR_RETURN(const TensorFile file, LoadTensors(path));
  return InFile(path, Take(file, patterns));
}

absl::Status Session::Take(const TensorFile& file, const std::vector<std::string>& patterns) {
  const Exclusive mine(&stepping_);  // it may set the step count
  RETURN_IF_ERROR(mine.status());
  const StateStore::Access access(&states_, /*writes=*/true, /*mends=*/true);
  RETURN_IF_ERROR(access.status());
  const std::vector<StateInfo> infos = states();
  std::set<absl::string_view> of_model;
  for (const StateInfo& info : infos) {
    if (info.of_model) of_model.insert(info.name);
  }
  TensorMap given;
  bool has_optimizer = false;
  for (const auto& [name, tensor] : file.tensors) {
    if (!MatchesAny(patterns, name)) continue;
    if (of_model.count(name) == 0 && absl::StartsWith(name, kOptimizerPrefix)) {
      if (!trains()) continue;
      has_optimizer = true;
    }
    given.emplace(name, tensor);
  }
  std::vector<std::pair<std::string, TensorType>> wanted;
  for (const StateInfo& info : infos) {
    if (!MatchesAny(patterns, info.name) || !(info.of_model || has_optimizer)) continue;
    wanted.emplace_back(info.name, info.type);
  }
  for (const std::string& pattern : patterns) {
    const bool any = std::any_of(infos.begin(), infos.end(), [&](const StateInfo& info) {
      return MatchesPattern(pattern, info.name);
    });
    if (!any) return absl::NotFoundError(absl::StrCat("no state matches ", Quoted(pattern)));
  }
  RETURN_IF_ERROR(CompareTensors(wanted, given));
  const auto step = file.metadata.find(kStep);
  if (step != file.metadata.end() && patterns.empty()) {
    ASSIGN_OR_RETURN(const int64_t count, StepOf(step->second));
    step_ = count;
  }
  states_.Set(given);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<NamedTensor>> Session::Copy(Saved saved) const {
  const StateStore::Access access(&states_, /*writes=*/false);
  RETURN_IF_ERROR(access.status());
  std::vector<NamedTensor> copies;
  for (const StateInfo& info : states()) {
    if (info.of_model || saved == Saved::kAll) {
      copies.emplace_back(info.name, states_.Copy(info.name));
    }
  }
  return copies;
}

absl::StatusOr<std::string> Session::WeightsHash() const {
  const StateStore::Access access(&states_, /*writes=*/false);
  RETURN_IF_ERROR(access.status());
  return flowgrad::WeightsHash(Look(Saved::kModel));
}

}  // namespace flowgrad
