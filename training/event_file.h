// Scalars for TensorBoard: an event file, one record a value.
//
//   ASSIGN_OR_RETURN(EventFile events, EventFile::Open("logs/first"));
//   RETURN_IF_ERROR(events.Add(step, "loss", loss, wall_time));
//
// A record is given to the operating system at once, so a run that is killed leaves a file that
// TensorBoard reads, and one that goes on is shown as it goes. The format is TFRecord: the length
// of the data, its checksum, the data (an Event of proto/tensorboard.proto), their checksum.

#ifndef FLOWGRAD_TRAINING_EVENT_FILE_H_
#define FLOWGRAD_TRAINING_EVENT_FILE_H_

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace flowgrad {

// Thread-compatible.
class EventFile {
 public:
  // Makes `folder`, if it is not there, and a new file `events.out.tfevents.<time>.<host>` in it.
  // TensorBoard shows the folder as one run, so each run has its own.
  static absl::StatusOr<EventFile> Open(absl::string_view folder);

  EventFile(EventFile&& other) noexcept;
  EventFile& operator=(EventFile&& other) = delete;
  ~EventFile();

  const std::string& path() const { return path_; }

  // `name` with slashes is shown in groups: "test/accuracy". `wall_time`: seconds since 1970. A
  // record that could not be written leaves no trace in the file.
  absl::Status Add(int64_t step, absl::string_view name, double value, double wall_time);

  // Waits until the disk has all that was added.
  absl::Status Flush();

 private:
  EventFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  absl::Status Append(absl::string_view data);

  std::string path_;
  int fd_;
  int64_t size_ = 0;  // of the whole records
};

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_EVENT_FILE_H_
