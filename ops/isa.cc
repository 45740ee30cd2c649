#include "ops/isa.h"

#include <cstdlib>

#include "absl/strings/string_view.h"

namespace flowgrad {
namespace {

bool FindAvx512() {
  const char* const wanted = std::getenv("FLOWGRAD_ISA");
  if (wanted != nullptr && absl::string_view(wanted) == "x86-64-v3") return false;
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}

}  // namespace

bool UsesAvx512() {
  static const bool uses = FindAvx512();
  return uses;
}

}  // namespace flowgrad
