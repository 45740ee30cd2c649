// The threads that runs use: the calling one, and those of a oneTBB arena.

#ifndef FLOWGRAD_SCHEDULER_WORKERS_H_
#define FLOWGRAD_SCHEDULER_WORKERS_H_

#include <memory>

namespace tbb::detail::d1 {
class task_arena;
}  // namespace tbb::detail::d1

namespace flowgrad {

// Cheap to copy; copies share the threads. Threads are started when first needed, and belong to
// oneTBB's pool, which the whole process shares.
class Workers {
 public:
  // At most `threads` threads, the calling one included; 0: as many as the machine has. 1 starts
  // none and never enters oneTBB. More than the machine has are granted too.
  explicit Workers(int threads = 1);
  // Those of the caller's arena, which must outlive all runs.
  static Workers Of(tbb::detail::d1::task_arena& arena);

  int threads() const;
  tbb::detail::d1::task_arena* arena() const;  // null: the calling thread only

 private:
  struct Data;
  std::shared_ptr<Data> data_;
};

}  // namespace flowgrad

#endif  // FLOWGRAD_SCHEDULER_WORKERS_H_
