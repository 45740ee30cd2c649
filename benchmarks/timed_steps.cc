// Times a training step, and prints what came out.

#include "benchmarks/timed_steps.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include "CLI/CLI.hpp"
#include "nlohmann/json.hpp"

namespace flowgrad {
namespace {

double SecondsOf(int64_t steps, absl::FunctionRef<void()> step) {
  const auto start = std::chrono::steady_clock::now();
  for (int64_t i = 0; i < steps; ++i) step();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

bool ReadStepOptions(int argc, char** argv, const char* about, bool choose_batch,
                     StepOptions& options, int& exit_code) {
  CLI::App app(about);
  if (choose_batch) {
    app.add_option("--batch", options.batch, "Rows of a batch")
        ->check(CLI::Range(1, 1 << 16))
        ->capture_default_str();
  }
  app.add_option("--seconds", options.seconds, "How long to measure")
      ->check(CLI::Range(0.01, 3600.0))
      ->capture_default_str();
  app.add_option("--format", options.format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error);
    return false;
  }
  return true;
}

double StepsPerSecond(double seconds, absl::FunctionRef<void()> step) {
  constexpr int kChunks = 50;
  // Doubled until they take a chunk's time: a warm-up too.
  int64_t steps = 1;
  while (SecondsOf(steps, step) < seconds / kChunks) steps *= 2;
  std::vector<double> rates;
  double spent = 0;
  while (rates.size() < 5 || spent < seconds) {
    const double chunk = SecondsOf(steps, step);
    spent += chunk;
    rates.push_back(steps / chunk);
  }
  std::nth_element(rates.begin(), rates.begin() + rates.size() / 2, rates.end());
  return rates[rates.size() / 2];
}

void PrintSteps(const char* name, const StepOptions& options, double steps_per_second,
                absl::Span<const double> losses) {
  const double samples_per_second = steps_per_second * options.batch;
  if (options.format == "text") {
    std::printf("%s, batch %lld: %.1f steps/s, %.1f samples/s; loss %.6f, after %zu steps %.6f\n",
                name, static_cast<long long>(options.batch), steps_per_second, samples_per_second,
                losses.front(), losses.size() - 1, losses.back());
    return;
  }
  nlohmann::ordered_json json;
  json["name"] = name;
  json["batch"] = options.batch;
  json["threads"] = 1;
  json["steps_per_second"] = steps_per_second;
  json["samples_per_second"] = samples_per_second;
  json["first_loss"] = losses.front();
  json["loss_steps"] = losses.size() - 1;
  json["loss"] = losses.back();
  std::printf("%s\n", json.dump().c_str());
}

}  // namespace flowgrad
