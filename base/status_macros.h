// RETURN_IF_ERROR and ASSIGN_OR_RETURN, until the Abseil we build against has them.

#ifndef FLOWGRAD_BASE_STATUS_MACROS_H_
#define FLOWGRAD_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define RETURN_IF_ERROR(expression)                           \
  do {                                                        \
    if (absl::Status status_ = (expression); !status_.ok()) { \
      return status_;                                         \
    }                                                         \
  } while (false)

#define FLOWGRAD_CONCAT_INNER(a, b) a##b
#define FLOWGRAD_CONCAT(a, b) FLOWGRAD_CONCAT_INNER(a, b)

#define ASSIGN_OR_RETURN(target, expression) \
  FLOWGRAD_ASSIGN_OR_RETURN(FLOWGRAD_CONCAT(result_, __LINE__), target, expression)

#define FLOWGRAD_ASSIGN_OR_RETURN(result, target, expression) \
  auto result = (expression);                                 \
  if (!result.ok()) return result.status();                   \
  target = *std::move(result)

#endif  // FLOWGRAD_BASE_STATUS_MACROS_H_
