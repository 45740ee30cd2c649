// The ops there are, by name.
//
// Nothing registers itself: a program says which ops it wants, so that none is lost by a linker and
// none runs before main(). Users add their own ops to the built-in ones:
//
//   OpRegistry registry;
//   RegisterBuiltinOps(registry);
//   RegisterSwish(registry);
//
// Threads: fill a registry on one thread, then read it on any. It must outlive graphs made with it.

#ifndef FLOWGRAD_OPS_OP_REGISTRY_H_
#define FLOWGRAD_OPS_OP_REGISTRY_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ops/op.h"

namespace flowgrad {

class OpRegistry {
 public:
  OpRegistry() = default;
  OpRegistry(const OpRegistry&) = delete;
  OpRegistry& operator=(const OpRegistry&) = delete;

  // A definition that is incomplete, or whose name is taken, is left out and spoils status().
  void Add(OpDef op);

  // Null if there is no such op.
  const OpDef* Find(absl::string_view name) const;
  std::vector<std::string> Names() const;  // sorted

  // The first thing wrong with what was added. Building a graph reports it too.
  const absl::Status& status() const { return status_; }

 private:
  std::map<std::string, std::unique_ptr<const OpDef>, std::less<>> ops_;
  absl::Status status_;
};

}  // namespace flowgrad

#endif  // FLOWGRAD_OPS_OP_REGISTRY_H_
