#include "scheduler/workers.h"

#include <algorithm>
#include <optional>

#include "oneapi/tbb/global_control.h"
#include "oneapi/tbb/info.h"
#include "oneapi/tbb/task_arena.h"

namespace flowgrad {

struct Workers::Data {
  int threads = 1;
  // oneTBB never uses more threads than the machine has, unless told so.
  std::optional<tbb::global_control> more;
  std::optional<tbb::task_arena> own;
  tbb::task_arena* arena = nullptr;
};

Workers::Workers(int threads) : data_(std::make_shared<Data>()) {
  const int machine = tbb::info::default_concurrency();
  data_->threads = threads <= 0 ? machine : threads;
  if (data_->threads == 1) return;
  if (data_->threads > machine) {
    data_->more.emplace(tbb::global_control::max_allowed_parallelism, data_->threads);
  }
  data_->own.emplace(data_->threads);
  data_->arena = &*data_->own;
}

Workers Workers::Of(tbb::task_arena& arena) {
  Workers workers(1);
  workers.data_->threads = arena.max_concurrency();
  workers.data_->arena = &arena;
  return workers;
}

int Workers::threads() const { return data_->threads; }

tbb::task_arena* Workers::arena() const { return data_->arena; }

}  // namespace flowgrad
