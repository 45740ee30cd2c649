// flowgrad.h brings no header of oneTBB, Eigen or Protocol Buffers into a program, and all that a
// program needs to train.

#include "flowgrad.h"

#ifdef __TBB_detail__config_H
#error "flowgrad.h includes oneTBB"
#endif
#ifdef EIGEN_WORLD_VERSION
#error "flowgrad.h includes Eigen"
#endif
#ifdef GOOGLE_PROTOBUF_VERSION
#error "flowgrad.h includes Protocol Buffers"
#endif

// The other way round: were they there, these names would be.
#include "Eigen/Core"
#include "google/protobuf/message_lite.h"
#include "oneapi/tbb/task_arena.h"
#if !defined(__TBB_detail__config_H) || !defined(EIGEN_WORLD_VERSION) || \
    !defined(GOOGLE_PROTOBUF_VERSION)
#error "this test looks for the wrong names"
#endif

#include "flowgrad_tbb.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace flowgrad {
namespace {

TEST(HeaderTest, AProgramTrainsInTheArenaItHas) {
  GraphBuilder g;
  const Value x = g.Input("x", "float[N,2]"), w = g.Parameter("w", "float[2,1]", Zeros());
  const Value error = MatMul(x, w) - 1;
  g.Output(Call("ReduceSum", {error * error}, {{"keepdims", 0}}).As("loss"));
  const absl::StatusOr<Graph> graph = std::move(g).Build();
  ASSERT_THAT(graph, IsOk());
  tbb::task_arena arena(2);
  SessionOptions options;
  options.loss = "loss";
  options.workers = WorkersOf(arena);
  EXPECT_EQ(options.workers.threads(), 2);
  const absl::StatusOr<std::unique_ptr<Session>> session = Session::Make(*graph, options);
  ASSERT_THAT(session, IsOk());
  const absl::StatusOr<double> loss =
      (*session)->Step({{"x", Tensor::Filled(DType::kFloat, {3, 2}, 1)}});
  ASSERT_THAT(loss, IsOk());
  EXPECT_EQ(*loss, 3);
  const std::string path = testing::TempDir() + "/model.pbtxt";
  ASSERT_THAT(WriteGraph(*graph, path), IsOk());
  const absl::StatusOr<Graph> read = ReadGraph(path);
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(GraphText(*read), GraphText(*graph));
}

}  // namespace
}  // namespace flowgrad
