// Nets and batches for the tests of sessions.

#ifndef FLOWGRAD_TESTS_TRAINING_SESSION_NETS_H_
#define FLOWGRAD_TESTS_TRAINING_SESSION_NETS_H_

#include <memory>

#include "graph/graph.h"
#include "scheduler/reference_run.h"
#include "training/session.h"

namespace flowgrad {

// x [N,4] → "encoder/w", "encoder/b" [8] → tanh → "head/w", "head/b" → "logits" [N,3] → "loss".
Graph SmallNet();
// The same with other sizes, enough for many tasks.
Graph WideNet();

// What these nets are fed, drawn from the seed.
TensorMap BatchFor(const Graph& net, int64_t size, uint64_t seed);

// Trains, with momentum, on `threads`, in as many tasks as can be.
SessionOptions Training(int threads = 1);

// Made, or the test fails and the program ends.
std::unique_ptr<Session> MakeSession(const Graph& net, SessionOptions options);

// Of the weights; "" and a failed test if they are being written.
std::string HashOf(const Session& session);

}  // namespace flowgrad

#endif  // FLOWGRAD_TESTS_TRAINING_SESSION_NETS_H_
