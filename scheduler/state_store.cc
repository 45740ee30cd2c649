#include "scheduler/state_store.h"

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "base/memory.h"

namespace flowgrad {

void StateStore::MakeRoom(const TensorMap& tensors) {
  std::vector<TensorMap::const_iterator> fresh;
  std::vector<int64_t> bytes;
  for (auto given = tensors.begin(); given != tensors.end(); ++given) {
    const Tensor* const mine = Find(given->first);
    if (mine != nullptr && mine->type() == given->second.type()) continue;
    fresh.push_back(given);
    bytes.push_back(given->second.num_bytes());
  }
  std::vector<std::shared_ptr<std::byte>> parts = AllocateTogether(bytes);
  for (size_t i = 0; i < fresh.size(); ++i) {
    if (parts[i] == nullptr) throw std::bad_alloc();
    const auto& [name, given] = *fresh[i];
    tensors_[name] = Tensor(given.dtype(), given.dims(), std::move(parts[i]));
  }
}

void StateStore::Set(const TensorMap& tensors) {
  ++version_;
  MakeRoom(tensors);
  for (const auto& [name, given] : tensors) {
    const Tensor value = given.Contiguous();
    const Tensor& mine = tensors_[name];
    if (value.num_bytes() > 0) std::memcpy(mine.bytes(), value.bytes(), value.num_bytes());
    if (broken_) mended_[name] = true;
  }
  if (broken_ && mended_.size() == tensors_.size()) {
    broken_ = false;
    mended_.clear();
  }
}

void StateStore::Take(TensorMap tensors) {
  MakeRoom(tensors);
  while (!tensors.empty()) {
    TensorMap one;
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
