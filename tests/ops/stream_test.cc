// Streaming copies against memcpy, at every place in a cache line.

#include "ops/stream.h"

#include <vector>

#include "gtest/gtest.h"

namespace flowgrad {
namespace {

TEST(StreamTest, CopiesWhatItIsToldAndNothingBeside) {
  constexpr int64_t kMargin = 128;
  std::vector<unsigned char> from(1000);
  for (size_t i = 0; i < from.size(); ++i) from[i] = static_cast<unsigned char>(1 + i % 255);
  for (int64_t bytes : {0, 1, 3, 4, 31, 32, 63, 64, 65, 127, 128, 500, 640}) {
    for (int64_t source = 0; source < 66; source += 3) {
      for (int64_t target = 0; target < 66; ++target) {
        alignas(64) unsigned char to[kMargin + 66 + 640 + kMargin] = {};
        StreamCopy(from.data() + source, bytes, to + kMargin + target);
        EndStream();
        for (int64_t i = 0; i < static_cast<int64_t>(sizeof(to)); ++i) {
          const int64_t place = i - kMargin - target;
          const int expected = place >= 0 && place < bytes ? from[source + place] : 0;
          ASSERT_EQ(to[i], expected) << bytes << " bytes from " << source << " to " << target;
        }
      }
    }
  }
}

}  // namespace
}  // namespace flowgrad
