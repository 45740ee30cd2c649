// Options that several subcommands have, checked as they are parsed: a wrong one is a usage error
// that names the option.

#ifndef FLOWGRAD_TOOLS_OPTIONS_H_
#define FLOWGRAD_TOOLS_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "scheduler/memory_limit.h"
#include "tools/model_source.h"

namespace flowgrad {

// The argument MODEL, and AddLimits().
void AddModel(CLI::App& command, std::string& model, FileLimits& limits);

// An option with a text as its value, which must not be empty or look like an option. `kind` is
// what help calls the value.
CLI::Option* AddText(CLI::App& command, const std::string& names, std::string& value,
                     const std::string& doc, const std::string& kind = "FILE");
// The same with any number of values.
CLI::Option* AddTexts(CLI::App& command, const std::string& names, std::vector<std::string>& values,
                      const std::string& doc, const std::string& kind);

// An option whose value is one of `choices`.
CLI::Option* AddChoice(CLI::App& command, const std::string& names, std::string& value,
                       const std::vector<std::string>& choices, const std::string& doc);
// A flag that may also be given one of `choices`, as in --gradients=all; without one, `value` is
// "true".
CLI::Option* AddFlagOrChoice(CLI::App& command, const std::string& names, std::string& value,
                             const std::vector<std::string>& choices, const std::string& doc);

// A whole number from 0 on, in decimal digits.
void AddNumber(CLI::App& command, const std::string& names, std::optional<uint64_t>& value,
               const std::string& doc);

// The same within bounds.
void AddNumber(CLI::App& command, const std::string& names, std::optional<uint64_t>& value,
               uint64_t least, uint64_t most, const std::string& doc);
void AddReal(CLI::App& command, const std::string& names, std::optional<double>& value,
             double least, double most, const std::string& kind, const std::string& doc);

// A number of bytes: 1000, 64KiB, 64MiB or 2GiB. Sets `value` only if it is given.
CLI::Option* AddBytes(CLI::App& command, const std::string& names, int64_t& value,
                      const std::string& doc);

// Options for the most that files may ask for, in a section of the help of their own.
void AddLimits(CLI::App& command, FileLimits& limits);

// --memory-limit, in bytes.
void AddMemoryLimit(CLI::App& command, MemoryLimit& limit);

// --threads, from 1 to kMostThreads.
inline constexpr uint64_t kMostThreads = 1024;
void AddThreads(CLI::App& command, std::optional<uint64_t>& threads);

// NAME=FILE, any number of times or, for one, once.
void AddNamedFiles(CLI::App& command, const std::string& names, std::vector<NamedFile>& files,
                   const std::string& doc);
void AddNamedFile(CLI::App& command, const std::string& names, std::optional<NamedFile>& file,
                  const std::string& doc);

}  // namespace flowgrad

#endif  // FLOWGRAD_TOOLS_OPTIONS_H_
