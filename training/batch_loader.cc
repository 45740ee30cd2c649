#include "training/batch_loader.h"

#include <exception>
#include <new>
#include <system_error>
#include <utility>

#include "base/status_macros.h"
#include "scheduler/float_mode.h"

namespace flowgrad {
namespace {

constexpr int64_t kBlockBytes = int64_t{256} << 10;
constexpr size_t kBlockBatches = 256;

int64_t NumBytes(const TensorMap& batch) {
  int64_t bytes = 0;
  for (const auto& [name, tensor] : batch) bytes += tensor.num_bytes();
  return bytes;
}

}  // namespace

BatchLoader::BatchLoader(const DataSet& data, const DataFeeds& feeds, Samples samples,
                         int64_t first, int64_t end)
    : data_(data), feeds_(feeds), samples_(std::move(samples)), end_(end), next_(first) {
  try {
    thread_ = std::thread([this] { Work(); });
  } catch (const std::system_error&) {
    // The machine has no more threads: Next() does the work.
  }
}

BatchLoader::~BatchLoader() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

absl::StatusOr<const TensorMap*> BatchLoader::Next() {
  Block* block = &blocks_[in_use_ % blocks_.size()];
  if (taken_ == 0 || place_ == block->count) {
    if (taken_ > 0 && !block->status.ok()) return block->status;
    std::unique_lock<std::mutex> lock(mutex_);
    if (thread_.joinable()) {
      in_use_ = taken_++;  // gives the block before it back
      changed_.notify_all();
      changed_.wait(lock, [&] { return made_ > in_use_; });
    } else {
      taken_ = 1;
      Fill(*block);
    }
    block = &blocks_[in_use_ % blocks_.size()];
    place_ = 0;
    if (block->count == 0) return block->status;
  }
  return &block->batches[place_++];
}

void BatchLoader::Work() {
  const FloatMode mode;
  for (size_t number = 0;; ++number) {
    {
      // All blocks but the one in use may wait.
      std::unique_lock<std::mutex> lock(mutex_);
      changed_.wait(lock, [&] { return stop_ || number + 1 < taken_ + blocks_.size(); });
      if (stop_) return;
    }
    Block& block = blocks_[number % blocks_.size()];
    Fill(block);
    const bool last = !block.status.ok() || next_ == end_;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      made_ = number + 1;
    }
    changed_.notify_all();
    if (last) return;
  }
}

void BatchLoader::Fill(Block& block) {
  block.count = 0;
  for (int64_t bytes = 0; bytes < kBlockBytes && block.count < kBlockBatches && next_ < end_;) {
    if (block.batches.size() == block.count) block.batches.emplace_back();
    TensorMap& batch = block.batches[block.count];
    block.status = FillOne(batch);
    if (!block.status.ok()) return;
    bytes += NumBytes(batch);
    ++block.count;
    ++next_;
  }
}

absl::Status BatchLoader::FillOne(TensorMap& batch) {
  try {
    batch_samples_.clear();
    samples_(next_, batch_samples_);
    return feeds_.Fill(data_, batch_samples_, batch);
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("too little memory for a batch");
  }
}

}  // namespace flowgrad
