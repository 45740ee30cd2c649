// Reads the members of a zip file, stored or deflated, one after another.

#ifndef FLOWGRAD_TRAINING_DATA_ZIP_FILE_H_
#define FLOWGRAD_TRAINING_DATA_ZIP_FILE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/file.h"

namespace flowgrad {

// Takes little memory, whatever the file says; names of members are never paths. Errors begin with
// the file's name: DataLoss for damage, InvalidArgument for what is not read. Thread-compatible.
class ZipFile {
 public:
  struct Member {
    std::string name;
    int64_t size = 0;  // unpacked, as the file says
  };

  static absl::StatusOr<ZipFile> Open(InputFile file);
  ZipFile(ZipFile&&) noexcept;
  ZipFile& operator=(ZipFile&&) = delete;
  ~ZipFile();

  const std::string& path() const;
  const std::vector<Member>& members() const { return members_; }

  // Gives `take` the first `most` bytes of a member, piece by piece. Of a whole member DataLoss
  // unless they are as many as the file says and have its checksum.
  absl::Status Read(size_t member, int64_t most,
                    absl::FunctionRef<absl::Status(absl::string_view piece)> take);

 private:
  struct Archive;

  ZipFile();
  absl::Status ListMembers();

  std::unique_ptr<Archive> archive_;
  std::vector<Member> members_;
};

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_DATA_ZIP_FILE_H_
