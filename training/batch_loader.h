// Makes batches ahead of their use, on a thread of its own.
//
//   BatchLoader loader(data, feeds, SamplesOfBatch, /*first=*/0, /*end=*/1000);
//   ASSIGN_OR_RETURN(const TensorMap* batch, loader.Next());
//
// A bounded number of batches waits: about half a megabyte, or one batch if that is more, besides
// the one in use. Where no thread can be started the batches are made when they are asked for.
// What a batch holds depends on its number alone.

#ifndef FLOWGRAD_TRAINING_BATCH_LOADER_H_
#define FLOWGRAD_TRAINING_BATCH_LOADER_H_

#include <array>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "scheduler/reference_run.h"
#include "training/data/dataset.h"
#include "training/data_feeds.h"

namespace flowgrad {

// One thread asks.
class BatchLoader {
 public:
  // Puts the samples of a batch into an empty vector. Called by the loader's thread.
  using Samples = std::function<void(int64_t batch, std::vector<int64_t>& samples)>;

  // Batches `first` to `end` - 1. `data` and `feeds` must outlive the loader.
  BatchLoader(const DataSet& data, const DataFeeds& feeds, Samples samples, int64_t first,
              int64_t end);
  BatchLoader(const BatchLoader&) = delete;
  BatchLoader& operator=(const BatchLoader&) = delete;
  ~BatchLoader();

  // The next batch, which is valid until the next call; waits for it. Errors of the data, once
  // every batch before was given. REQUIRES: fewer than `end` - `first` calls before
  absl::StatusOr<const TensorMap*> Next();

 private:
  // Small batches are handed over many at once, so that a step of a tiny net does not wait for a
  // lock.
  struct Block {
    std::vector<TensorMap> batches;
    size_t count = 0;
    absl::Status status;  // of the batch after the last
  };

  void Work();
  void Fill(Block& block);
  absl::Status FillOne(TensorMap& batch);

  const DataSet& data_;
  const DataFeeds& feeds_;
  const Samples samples_;
  const int64_t end_;
  int64_t next_;                        // the next batch to be made
  std::vector<int64_t> batch_samples_;  // of that batch
  std::array<Block, 3> blocks_;         // a ring: in use, ready, being made
  size_t in_use_ = 0, place_ = 0;       // the block and the batch in it that Next() gives

  std::mutex mutex_;
  std::condition_variable changed_;
  size_t made_ = 0, taken_ = 0;  // blocks, since the beginning
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_BATCH_LOADER_H_
