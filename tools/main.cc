#include "tools/main.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/text.h"
#include "tools/command.h"
#include "unistd.h"

namespace flowgrad {
namespace {

constexpr char kVersion[] = "flowgrad 0.1.0";

std::vector<Command> AddCommands(CLI::App& program, const OpRegistry& registry) {
  return {AddTrainCommand(program, registry), AddRunCommand(program, registry),
          AddCheckCommand(program, registry), AddShowCommand(program, registry),
          AddGradCommand(program, registry),  AddOpsCommand(program, registry),
          AddBenchCommand(program, registry), AddReplayCommand(program, registry)};
}

// The subcommand that the user is typing, for hints.
std::string CommandLineOf(const CLI::App& program) {
  const std::vector<CLI::App*> chosen = program.get_subcommands();
  return chosen.empty() ? "flowgrad" : absl::StrCat("flowgrad ", chosen[0]->get_name());
}

int ReportUsage(const CLI::App& program, const std::string& message) {
  const std::string hint = absl::StrCat("; see ", CommandLineOf(program), " --help");
  std::fputs(ErrorText(absl::InvalidArgumentError(absl::StrCat(message, hint))).c_str(), stderr);
  return kUsageError;
}

// What no option and no argument of the program takes.
std::string UnexpectedText(const CLI::App& program) {
  const std::vector<std::string> extra = program.remaining(/*recurse=*/true);
  if (extra.empty()) return "unexpected argument";
  if (absl::StartsWith(extra[0], "-")) return absl::StrCat("unknown option ", Quoted(extra[0]));
  if (program.get_subcommands().empty()) {
    std::vector<std::string> names;
    for (const CLI::App* command : program.get_subcommands([](const CLI::App*) { return true; })) {
      names.push_back(command->get_name());
    }
    return absl::StrCat("unknown command ", Quoted(extra[0]), DidYouMean(extra[0], names));
  }
  return absl::StrCat("unexpected argument ", Quoted(extra[0]));
}

int RunCommand(const CLI::App& program, const std::vector<Command>& commands) {
  for (const Command& command : commands) {
    if (!command.app->parsed()) continue;
    const absl::Status status = command.run();
    if (!status.ok()) std::fputs(ErrorText(status).c_str(), stderr);
    return ExitCode(status);
  }
  std::fputs(program.help().c_str(), stdout);
  return 0;
}

int Main(int argc, char** argv, const OpRegistry& registry) {
  CLI::App program("Trains neural networks on the CPU, from model files.", "flowgrad");
  program.set_version_flag("--version", kVersion, "Print the version and exit");
  program.set_help_flag("-h,--help", "Print this help and exit");
  program.require_subcommand(0, 1);
  program.footer("Each command has its own help, with an example: flowgrad run --help");
  const std::vector<Command> commands = AddCommands(program, registry);
  try {
    program.parse(argc, argv);
  } catch (const CLI::ExtrasError&) {
    return ReportUsage(program, UnexpectedText(program));
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return program.exit(error);  // --help, --version
    return ReportUsage(program, error.what());
  }
  return RunCommand(program, commands);
}

// Libraries throw; a user must never see an abort.
int GuardedMain(int argc, char** argv, const OpRegistry& registry) {
  absl::Status status;
  try {
    return Main(argc, argv, registry);
  } catch (const std::bad_alloc&) {
    status = absl::ResourceExhaustedError("the machine has too little memory for this");
  } catch (const std::exception& error) {
    status = absl::InternalError(absl::StrCat("internal: ", error.what()));
  }
  std::fputs(ErrorText(status).c_str(), stderr);
  return ExitCode(status);
}

}  // namespace

int FlowgradMain(int argc, char** argv, const OpRegistry& registry) {
  // `bazel run` starts programs in a folder of its own; the user's paths are relative to where the
  // user stands.
  if (const char* folder = std::getenv("BUILD_WORKING_DIRECTORY");
      folder != nullptr && chdir(folder) != 0) {
    std::fprintf(stderr, "flowgrad: cannot go to the folder %s\n", folder);
    return kUsageError;
  }
  // Nothing is half-written at any moment, so an interrupted command may just end. One that has
  // more to lose has an Interrupt.
  std::signal(SIGINT, [](int) { _exit(128 + SIGINT); });
  // A reader that goes away, or a file that may grow no more, is an error of writing, which is
  // reported.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  return GuardedMain(argc, argv, registry);
}

}  // namespace flowgrad
