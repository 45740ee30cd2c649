// Parts of model files and what they are in memory: attributes and initializers.

#ifndef FLOWGRAD_GRAPH_DEF_CONVERSIONS_H_
#define FLOWGRAD_GRAPH_DEF_CONVERSIONS_H_

#include "absl/status/statusor.h"
#include "graph/graph.h"
#include "graph/initializer.h"
#include "ops/attributes.h"
#include "proto/model.pb.h"

namespace flowgrad {

// The attributes of a node as the file has them. Errors: too many, without name or value, given
// twice.
absl::StatusOr<Attributes> ParseAttributes(const NodeDef& node);

// Writes the attributes of `node` that are not the op's defaults.
void SetAttributes(const Node& node, NodeDef* def);

// The initializer of a variable of this type.
absl::StatusOr<Initializer> ParseInitializer(const InitializerDef& def, const TensorType& type);
InitializerDef ToInitializerDef(const Initializer& init);

}  // namespace flowgrad

#endif  // FLOWGRAD_GRAPH_DEF_CONVERSIONS_H_
