// Writes event files for tensorboard_test.py: write_events FOLDER.

#include <cmath>
#include <iostream>
#include <limits>

#include "training/event_file.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  absl::StatusOr<flowgrad::EventFile> events = flowgrad::EventFile::Open(argv[1]);
  absl::Status status = events.status();
  for (int i = 0; i < 1000 && status.ok(); ++i) {
    status = events->Add(i * 10, "loss", std::exp2(-i / 64), 1.7e9 + i);
    if (i % 100 == 0) status.Update(events->Add(i * 10, "test/accuracy", i / 1000.0, 1.7e9 + i));
  }
  if (status.ok()) {
    status = events->Add(0, "not finite", std::numeric_limits<double>::infinity(), 1.7e9);
  }
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
