// Matchers of absl::Status and absl::StatusOr, until the Abseil we build against has them.
//
//   EXPECT_THAT(graph, IsOk());
//   EXPECT_THAT(graph, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("must have 784
//   rows")));

#ifndef FLOWGRAD_TESTS_TESTING_STATUS_MATCHERS_H_
#define FLOWGRAD_TESTS_TESTING_STATUS_MATCHERS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"

namespace flowgrad {
namespace testing_internal {

inline const absl::Status& StatusOf(const absl::Status& status) { return status; }
template <class T>
const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

}  // namespace testing_internal

MATCHER(IsOk, negation ? "is an error" : "is OK") {
  const absl::Status& status = testing_internal::StatusOf(arg);
  *result_listener << status.ToString();
  return status.ok();
}

// `message` is a matcher of std::string, or a string.
MATCHER_P2(StatusIs, code, message,
           std::string(negation ? "is not " : "is ") + absl::StatusCodeToString(code) +
               " with a message that " +
               ::testing::DescribeMatcher<std::string>(message, negation)) {
  const absl::Status& status = testing_internal::StatusOf(arg);
  *result_listener << status.ToString() << " ";
  return status.code() == code &&
         ::testing::ExplainMatchResult(message, std::string(status.message()), result_listener);
}

}  // namespace flowgrad

#endif  // FLOWGRAD_TESTS_TESTING_STATUS_MATCHERS_H_
