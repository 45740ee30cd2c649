#include "scheduler/state_store.h"

#include <cstring>
#include <utility>

namespace flowgrad {

void StateStore::Set(const std::map<std::string, Tensor, std::less<>>& tensors) {
  ++version_;
  for (const auto& [name, given] : tensors) {
    const Tensor value = given.Contiguous();
    Tensor& mine = tensors_[name];
    if (!mine.present() || mine.type() != value.type()) {
      mine = Tensor(value.dtype(), value.dims());
    }
    if (value.num_bytes() > 0) std::memcpy(mine.bytes(), value.bytes(), value.num_bytes());
    if (broken_) mended_[name] = true;
  }
  if (broken_ && mended_.size() == tensors_.size()) {
    broken_ = false;
    mended_.clear();
  }
}

void StateStore::Take(std::map<std::string, Tensor, std::less<>> tensors) {
  while (!tensors.empty()) {
    std::map<std::string, Tensor, std::less<>> one;
    one.insert(tensors.extract(tensors.begin()));
    Set(one);
  }
}

const Tensor* StateStore::Find(absl::string_view name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

Tensor StateStore::Copy(absl::string_view name) const {
  const Tensor* state = Find(name);
  if (state == nullptr) return Tensor();
  Tensor copy(state->dtype(), state->dims());
  if (copy.num_bytes() > 0) std::memcpy(copy.bytes(), state->bytes(), copy.num_bytes());
  return copy;
}

StateStore::Access::Access(StateStore* store, bool writes, bool mends)
    : store_(store), writes_(writes) {
  if (store_->broken_ && !mends) {
    status_ = absl::FailedPreconditionError(
        "the states are broken, because a step failed while it wrote them: load weights first");
    return;
  }
  int readers = store_->readers_;
  do {
    if (readers < 0 || (writes_ && readers > 0)) {
      status_ = absl::FailedPreconditionError(
          readers < 0 ? "a training step is under way on the same states: wait for its end"
                      : "a run that reads the same states is under way: wait for its end");
      return;
    }
  } while (!store_->readers_.compare_exchange_weak(readers, writes_ ? -1 : readers + 1));
  found_version_ = store_->version_;
  store_->version_ = version();
}

StateStore::Access::~Access() {
  if (!status_.ok()) return;
  if (writes_) {
    store_->readers_ = 0;
  } else {
    --store_->readers_;
  }
}

}  // namespace flowgrad
