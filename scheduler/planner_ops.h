// Ops that only the planner puts into a plan. They are in no registry: a model cannot name them.

#ifndef FLOWGRAD_SCHEDULER_PLANNER_OPS_H_
#define FLOWGRAD_SCHEDULER_PLANNER_OPS_H_

#include "ops/op.h"

namespace flowgrad {

// y = x, row by row.
const OpDef& CopyOp();
// The sum of two.
const OpDef& AddOp();

// y[...] = the sum of x[p, ...] over p by the tree of ops/sum.h: joins the parts of a cut sum.
const OpDef& JoinPartsOp();

// A matrix B[k, n], in slivers of columns as PackedProduct() reads it. Pack can be cut along n and
// gives [n in whole slivers, k]; PackRows along k, and gives [slivers, k, columns]: the same bytes.
const OpDef& PackOp();
const OpDef& PackRowsOp();

// Y = A · B over the last axes, with B packed: inputs A[..., m, k], packed B, and B itself, of
// which only the shape is read. The bits are those of MatMul.
const OpDef& PackedMatMulOp();

// What these ops have for attributes.
const Attributes& NoAttributes();

}  // namespace flowgrad

#endif  // FLOWGRAD_SCHEDULER_PLANNER_OPS_H_
