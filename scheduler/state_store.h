// The states of a model: parameters, moments, statistics, counters, each a tensor by name.
//
// Tensors that are added together lie together, so that those of a large model share huge pages,
// though each may be smaller than one. They keep their addresses for the life of the store, so runs
// of several plans (training, inference, other batch sizes) work on the same memory. Rule: one run
// that writes, or any number that only read, at a time; whoever comes second is refused, not made
// to wait.

#ifndef FLOWGRAD_SCHEDULER_STATE_STORE_H_
#define FLOWGRAD_SCHEDULER_STATE_STORE_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ops/tensor.h"
#include "scheduler/feeds.h"

namespace flowgrad {

class StateStore {
 public:
  StateStore() = default;
  StateStore(const StateStore&) = delete;
  StateStore& operator=(const StateStore&) = delete;

  // Adds copies of these tensors, replacing those of the same name and type in place. Also mends a
  // broken store once each of its states has been given anew. REQUIRES: no run is under way
  void Set(const TensorMap& tensors);

  // The same, where each tensor is given back once it is copied, so that there are hardly more
  // bytes than before.
  void Take(TensorMap tensors);

  // Null if there is none of this name. The elements change with the next run that writes.
  const Tensor* Find(absl::string_view name) const;
  // A tensor of its own; absent if there is none of this name. REQUIRES: no run writes
  Tensor Copy(absl::string_view name) const;
  const TensorMap& tensors() const { return tensors_; }

  // A run, as long as it lives; not ok() if it may not start: FailedPrecondition. `mends`: a writer
  // that sets states, which a broken store takes.
  class [[nodiscard]] Access {
   public:
    Access(StateStore* store, bool writes, bool mends = false);
    ~Access();
    Access(const Access&) = delete;
    Access& operator=(const Access&) = delete;
    const absl::Status& status() const { return status_; }
    // Of what the states held when the run began, and of what they hold after it: the same number
    // is the same content. REQUIRES: status() is OK
    int64_t found_version() const { return found_version_; }
    int64_t version() const { return found_version_ + (writes_ ? 1 : 0); }

   private:
    StateStore* store_;
    bool writes_;
    int64_t found_version_ = 0;
    absl::Status status_;
  };

  // A step failed after it began to write: a bug of ours. What the states hold is neither old nor
  // new, and nobody may use them until they are set again.
  void MarkBroken() { broken_ = true; }
  bool broken() const { return broken_; }

 private:
  // Has a tensor of this type for each of these.
  void MakeRoom(const TensorMap& tensors);

  TensorMap tensors_;
  std::map<std::string, bool, std::less<>> mended_;  // since the store broke
  std::atomic<int> readers_ = 0;                     // -1: one writer
  std::atomic<bool> broken_ = false;
  std::atomic<int64_t> version_ = 0;
};

}  // namespace flowgrad

#endif  // FLOWGRAD_SCHEDULER_STATE_STORE_H_
