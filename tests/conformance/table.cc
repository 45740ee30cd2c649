// The conformance table: what every op is tested on. A new op needs a line here;
// tests/op_conformance_test.cc says what is missing. row.h says how lines are written.

#include "tests/conformance/row.h"

namespace flowgrad {

std::vector<Row> TableAsWritten() {
  return {
      // elementwise/
      {"Abs", {}, {"float[N=5,7] away from 0"}},
      Row("Abs", {}, {"float[5] = -2.5 -0 3 -inf nan"})
          .Gives({"2.5 0 3 inf nan"})
          .NotDifferentiated("kinks"),
      Row("Abs", {}, {"int32[2] = -3 -2147483648"}).Gives({"3 -2147483648"}),
      {"Add", {}, {"float[N=4,33]", "float[N=4,33]"}},
      {"Add", {}, {"float[7,1,5]", "float[3,1]"}},
      {"Add", {}, {"float[4097]", "float[]"}},
      {"Add", {}, {"float[]", "float[]"}},
      Row("Add", {}, {"int32[3] = 2147483647 1 -5", "int32[1] = 1"}).Gives({"-2147483648 2 -4"}),
      {"And", {}, {"bool[3,1]", "bool[N=7]"}},
      Row("And", {}, {"bool[4] = 0 0 1 1", "bool[4] = 0 1 0 1"}).Gives({"0 0 0 1"}),
      {"Cast", {{"to", "double"}}, {"float[N=5,7]"}},
      {"Cast", {{"to", "int32"}}, {"float[33] in [-9,9]"}},
      {"Cast", {{"to", "float"}}, {"int64[1100]"}},
      {"Cast", {{"to", "bool"}}, {"int32[2,3] in [-1,1]"}},
      Row("Cast", {{"to", "float"}}, {"float[5]"}).NotDifferentiated("float rounds double"),
      Row("Cast", {{"to", "int64"}}, {"float[5] = -1.7 1.7 nan inf 2"})
          .Gives({"-1 1 0 9223372036854775807 2"}),
      {"CheckFinite", {}, {"float[N=5,7]"}},
      Row("CheckFinite", {}, {"float[] = -2.5"}).Gives({"-2.5"}),
      {"Cos", {}, {"float[N=5,7] in [-20,20]"}},
      Row("Cos", {}, {"float[3] = 0 1 -2"}).Gives({"1 0.5403023059 -0.4161468365"}),
      {"Div", {}, {"float[N=5,7]", "float[N=5,7] in [0.4,2]"}},
      {"Div", {}, {"float[3,1]", "float[2,1,5] in [-2,-0.4]"}},
      Row("Div", {}, {"int32[4] = 7 -7 5 -2147483648", "int32[4] = 2 2 0 -1"})
          .Gives({"3 -3 0 -2147483648"}),
      {"Equal", {}, {"float[N=33] in [0,1]", "float[3,1] in [0,1]"}},
      Row("Equal", {}, {"float[4] = 1 2 nan 0", "float[4] = 1 3 nan -0"}).Gives({"1 0 0 1"}),
      {"Exp", {}, {"float[N=5,7] in [-4,4]"}},
      Row("Exp", {}, {"float[4] = 0 1 -inf 1000"})
          .Gives({"1 2.718281828 0 inf"})
          .NotDifferentiated("infinity"),
      {"Greater", {}, {"float[N=33]", "float[3,1]"}},
      Row("Greater", {}, {"float[3] = 1 2 nan", "float[3] = 1 1 1"}).Gives({"0 1 0"}),
      {"GreaterOrEqual", {}, {"float[N=33]", "float[3,1]"}},
      Row("GreaterOrEqual", {}, {"float[3] = 1 0 nan", "float[3] = 1 1 1"}).Gives({"1 0 0"}),
      {"Less", {}, {"float[N=33]", "float[3,1]"}},
      Row("Less", {}, {"float[3] = 1 0 nan", "float[3] = 1 1 1"}).Gives({"0 1 0"}),
      {"LessOrEqual", {}, {"float[N=33]", "float[3,1]"}},
      Row("LessOrEqual", {}, {"float[3] = 1 2 nan", "float[3] = 1 1 1"}).Gives({"1 0 0"}),
      {"Log", {}, {"float[N=5,7] in [0.1,4]"}},
      Row("Log", {}, {"float[4] = 1 2 0 -1"})
          .Gives({"0 0.6931471806 -inf nan"})
          .NotDifferentiated("infinity"),
      {"Max", {}, {"float[N=5,7] distinct", "float[N=5,7] distinct", "float[7] distinct"}},
      {"Max", {}, {"float[3] distinct"}},
      {"Max", {}, {"float[2,1] distinct", "float[5000] distinct"}},
      Row("Max", {}, {"float[3] = 1 5 nan", "float[3] = 2 4 0"})
          .Gives({"2 5 nan"})
          .NotDifferentiated("nan"),
      {"Min", {}, {"float[N=5,7] distinct", "float[N=5,7] distinct", "float[7] distinct"}},
      {"Min", {}, {"float[] distinct", "float[] distinct"}},
      {"Min", {}, {"float[2,1] distinct", "float[5000] distinct"}},
      Row("Min", {}, {"float[3] = 1 5 nan", "float[3] = 2 4 0"})
          .Gives({"1 4 nan"})
          .NotDifferentiated("nan"),
      {"Mul", {}, {"float[N=5,7]", "float[N=5,7]"}},
      {"Mul", {}, {"float[7,1,5]", "float[3,1]"}},
      {"Mul", {}, {"float[]", "float[1100]"}},
      {"Neg", {}, {"float[N=5,7]"}},
      Row("Neg", {}, {"int64[2] = 4 -5"}).Gives({"-4 5"}),
      {"Not", {}, {"bool[N=5,7]"}},
      Row("Not", {}, {"bool[2] = 0 1"}).Gives({"1 0"}),
      {"Or", {}, {"bool[3,1]", "bool[N=7]"}},
      Row("Or", {}, {"bool[4] = 0 0 1 1", "bool[4] = 0 1 0 1"}).Gives({"0 1 1 1"}),
      {"Pow", {}, {"float[N=5,7] in [0.3,3]", "float[N=5,7] in [-2,2]"}},
      {"Pow", {}, {"float[3,1] in [0.3,3]", "float[7] in [1,3]"}},
      {"Pow", {}, {"float[5] in [-2,-0.3]", "constant float[] = 2"}},
      Row("Pow", {}, {"float[4] = 2 -2 0 -8", "float[4] = 10 3 0 0.5"})
          .Gives({"1024 -8 1 nan"})
          .NotDifferentiated("nan"),
      Row("Pow", {}, {"int32[4] = 2 -1 3 0", "int32[4] = 10 -3 -1 -1"}).Gives({"1024 -1 0 0"}),
      {"Reciprocal", {}, {"float[N=5,7] in [0.4,3]"}},
      Row("Reciprocal", {}, {"float[3] = 4 -0.5 0"})
          .Gives({"0.25 -2 inf"})
          .NotDifferentiated("infinity"),
      {"Relu", {}, {"float[N=5,7] away from 0"}},
      Row("Relu", {}, {"float[4] = -1 0 2 nan"}).Gives({"0 0 2 nan"}).NotDifferentiated("kinks"),
      {"Sigmoid", {}, {"float[N=5,7] in [-8,8]"}},
      Row("Sigmoid", {}, {"float[4] = 0 1 -1000 1000"}).Gives({"0.5 0.7310585786 0 1"}),
      {"SigmoidGradient", {}, {"float[N=5,7]", "float[N=5,7] in [0,1]"}},
      {"SigmoidGradient", {}, {"float[3,1]", "float[2,1,5] in [0,1]"}},
      Row("SigmoidGradient", {}, {"float[3] = 1 2 -4", "float[3] = 0.5 0 0.25"})
          .Gives({"0.25 0 -0.75"}),
      {"Sign", {}, {"float[N=5,7] away from 0"}},
      Row("Sign", {}, {"float[4] = -3 0 2 inf"}).Gives({"-1 0 1 1"}).NotDifferentiated("jumps"),
      {"Sin", {}, {"float[N=5,7] in [-20,20]"}},
      Row("Sin", {}, {"float[3] = 0 1 -2"}).Gives({"0 0.8414709848 -0.9092974268"}),
      {"Softplus", {}, {"float[N=5,7] in [-8,8]"}},
      Row("Softplus", {}, {"float[4] = 0 1 -1000 1000"}).Gives({"0.6931471806 1.313261688 0 1000"}),
      {"Sqrt", {}, {"float[N=5,7] in [0.2,4]"}},
      Row("Sqrt", {}, {"float[4] = 0 2 9 -1"})
          .Gives({"0 1.414213562 3 nan"})
          .NotDifferentiated("infinity"),
      {"Sub", {}, {"float[N=5,7]", "float[N=5,7]"}},
      {"Sub", {}, {"float[7,1,5]", "float[3,1]"}},
      {"Sum", {}, {"float[N=5,7]", "float[N=5,7]", "float[7]", "float[]"}},
      {"Sum", {}, {"float[3]"}},
      {"Sum", {}, {"float[2,1]", "float[5000]"}},
      {"Tanh", {}, {"float[N=5,7] in [-4,4]"}},
      {"Tanh", {}, {"float[]"}},
      {"Tanh", {}, {"float[3,1100] in [-0.001,0.001]"}},
      Row("Tanh", {}, {"float[4] = 0 1 -0.5 100"}).Gives({"0 0.7615941560 -0.4621171573 1"}),
      {"TanhGradient", {}, {"float[N=5,7]", "float[N=5,7] in [-1,1]"}},
      {"TanhGradient", {}, {"float[3,1]", "float[2,1,5] in [-1,1]"}},
      Row("TanhGradient", {}, {"float[3] = 1 2 -4", "float[3] = 0 1 -0.5"}).Gives({"1 0 -3"}),
      {"Where", {}, {"bool[N=5,7]", "float[N=5,7]", "float[N=5,7]"}},
      {"Where", {}, {"bool[3,1]", "float[7]", "float[]"}},
      Row("Where", {}, {"bool[2] = 0 1", "float[2] = 1 2", "float[2] = 3 4"}).Gives({"3 2"}),

      // index/
      {"Concat", {{"axis", 0}}, {"float[2,3]", "float[4,3]", "float[1,3]"}},
      {"Concat", {{"axis", -1}}, {"float[N=5,3]", "float[N=5,0]", "float[N=5,33]"}},
      {"Concat", {{"axis", 1}}, {"float[2,N=3,4]", "float[2,1,4]"}},
      {"Concat", {{"axis", 0}}, {"float[7]"}},
      {"Gather", {}, {"float[5,7]", "int64[N=3] in [-5,4]"}},
      {"Gather", {{"axis", 1}}, {"float[N=3,5,2]", "int32[2,2] in [0,4]"}},
      {"Gather", {{"axis", -1}}, {"float[7,33]", "int64[7] in [-33,32]"}},
      Row("Gather", {}, {"float[3] = 5 6 7", "int64[] = -1"}).Gives({"7"}),
      {"GatherElements", {}, {"float[5,4]", "int64[3,4] in [-5,4]"}},
      {"GatherElements", {{"axis", 1}}, {"float[N=5,4]", "int64[N=5,9] in [0,3]"}},
      {"GatherElements", {{"axis", -2}}, {"float[3,5,4]", "int64[2,7,4] in [-5,4]"}},
      {"GatherGradient", {}, {"float[N=9,7]", "int64[N=9] in [-5,4]", "float[5,7]"}},
      {"GatherGradient", {{"axis", 1}}, {"float[3,2,2,4]", "int32[2,2] in [0,4]", "float[3,5,4]"}},
      Row("GatherGradient", {}, {"float[3] = 1 2 4", "int64[3] = 0 2 0", "float[4]"})
          .Gives({"5 0 2 0"}),
      {"ScatterElements", {{"axis", 1}}, {"float[2,5]", "int64[2,3] = 0 2 4 4 1 0", "float[2,3]"}},
      {"ScatterElements",
       {{"reduction", "add"}},
       {"float[5,N=7]", "int64[9,N=7] in [-5,4]", "float[9,N=7]"}},
      {"ScatterElements",
       {{"reduction", "add"}, {"axis", -1}},
       {"float[4,5]", "int64[3,9] in [0,4]", "float[3,9]"}},
      Row("ScatterElements", {{"reduction", "mul"}},
          {"float[5,7]", "int64[9,7] in [-5,4]", "float[9,7]"})
          .NoGradient("has one with none and add only"),
      Row("ScatterElements", {{"reduction", "max"}}, {"float[5]", "int64[9] in [-5,4]", "float[9]"})
          .NoGradient("has one with none and add only"),
      Row("ScatterElements", {{"reduction", "min"}}, {"float[5]", "int64[9] in [-5,4]", "float[9]"})
          .NoGradient("has one with none and add only"),
      Row("ScatterElements", {}, {"float[3] = 1 2 3", "int64[2] = -1 0", "float[2] = 8 9"})
          .Gives({"9 2 8"}),

      // linear/
      {"Gemm", {}, {"float[N=5,7]", "float[7,3]", "float[3]"}},
      {"Gemm", {{"transA", 1}, {"transB", 1}, {"alpha", 0.5}}, {"float[7,N=5]", "float[3,7]"}},
      {"Gemm", {{"transB", 1}, {"beta", -2.0}}, {"float[5,7]", "float[3,7]", "float[5,1]"}},
      Row("Gemm", {{"alpha", 2.0}}, {"float[1,2] = 1 2", "float[2,1] = 3 4", "float[] = 1"})
          .Gives({"23"}),
      {"MatMul", {}, {"float[N=5,7]", "float[7,3]"}},
      {"MatMul", {}, {"float[33,65]", "float[65,17]"}},
      {"MatMul", {}, {"float[7]", "float[7]"}},
      {"MatMul", {}, {"float[7]", "float[2,7,3]"}},
      {"MatMul", {}, {"float[N=2,3,7]", "float[7]"}},
      {"MatMul", {}, {"float[2,N=3,5,7]", "float[7,3]"}},
      {"MatMul", {}, {"float[2,1,3,4]", "float[5,4,2]"}},
      {"MatMul", {}, {"float[2,4097]", "float[4097,3]"}},
      {"MatMul", {}, {"float[1,1]", "float[1,1]"}},
      Row("MatMul", {}, {"float[2,0]", "float[0,3]"}).Gives({"0 0 0 0 0 0"}),
      Row("MatMul", {}, {"float[2,2] = 1 2 3 4", "float[2,2] = 5 6 7 8"}).Gives({"19 22 43 50"}),

      // loss/
      {"HingeLoss", {}, {"float[N=5,7]", "int64[N=5] in [0,6]"}},
      {"HingeLoss",
       {{"reduction", "none"}, {"margin", 0.5}},
       {"float[5,7,2]", "int32[5,2] in [0,6]"}},
      Row("HingeLoss", {{"reduction", "sum"}}, {"float[1,3] = 1 2 3", "int64[1] = 1"})
          .Gives({"2"})
          .NotDifferentiated("kinks"),
      {"LogSoftmax", {}, {"float[N=5,7] in [-4,4]"}},
      {"LogSoftmax", {{"axis", 0}}, {"float[33,3]"}},
      {"LogSoftmax", {{"axis", 1}}, {"float[2,4097,2]"}},
      Row("LogSoftmax", {}, {"float[2] = 0 1000"})
          .Gives({"-1000 0"})
          .NotDifferentiated("saturated"),
      {"LogSoftmaxGradient", {}, {"float[N=5,7]", "float[N=5,7] in [-4,0]"}},
      {"LogSoftmaxGradient", {{"axis", 1}}, {"float[2,33,3]", "float[2,33,3] in [-4,0]"}},
      Row("LogSoftmaxGradient", {}, {"float[2] = 1 0", "float[2] = -1.386294361 -0.2876820724"})
          .Gives({"0.75 -0.75"}),
      {"MeanSquaredError", {}, {"float[N=5,7]", "float[N=5,7]"}},
      {"MeanSquaredError", {{"reduction", "sum"}}, {"float[33]", "float[33]"}},
      {"MeanSquaredError", {{"reduction", "none"}}, {"float[]", "float[]"}},
      Row("MeanSquaredError", {}, {"float[2] = 1 2", "float[2] = 3 5"}).Gives({"6.5"}),
      {"NegativeLogLikelihoodLoss", {}, {"float[N=5,7]", "int64[N=5] in [0,6]"}},
      {"NegativeLogLikelihoodLoss",
       {},
       {"float[N=2,3,4]", "int32[N=2,4] in [0,2]", "float[3] in [0.5,2]"}},
      {"NegativeLogLikelihoodLoss",
       {{"reduction", "sum"}, {"ignore_index", 0}},
       {"float[5,7]", "int64[5] in [0,2]"}},
      Row("NegativeLogLikelihoodLoss", {{"ignore_index", -1}},
          {"float[3,2] = -1 -2 -3 -4 -5 -6", "int64[3] = 1 -1 0", "float[2] = 1 3"})
          .Gives({"2.75"}),
      {"PickLabel", {}, {"float[N=5,7]", "int64[N=5] in [0,6]"}},
      {"PickLabel", {{"axis", -1}, {"ignore_index", 3}}, {"float[2,3,4]", "int64[2,3] in [0,3]"}},
      Row("PickLabel", {{"axis", 0}}, {"float[3] = 5 6 7", "int64[] = 1"}).Gives({"6"}),
      {"PlaceLabel", {}, {"float[N=5]", "int64[N=5] in [0,6]", "float[N=5,7]"}},
      {"PlaceLabel",
       {{"axis", -1}, {"ignore_index", 3}},
       {"float[2,3]", "int64[2,3] in [0,3]", "float[2,3,4]"}},
      Row("PlaceLabel", {{"axis", 0}}, {"float[] = 5", "int64[] = 1", "float[3]"}).Gives({"0 5 0"}),
      {"SigmoidCrossEntropy", {}, {"float[N=5,7] in [-6,6] away from 0", "float[N=5,7] in [0,1]"}},
      {"SigmoidCrossEntropy", {}, {"float[5,1] in [-6,6] away from 0", "float[7] in [0,1]"}},
      Row("SigmoidCrossEntropy", {}, {"float[3] = 0 1000 -1000", "float[3] = 1 1 1"})
          .Gives({"0.6931471806 0 1000"})
          .NotDifferentiated("saturated"),
      {"SigmoidCrossEntropyLoss", {}, {"float[N=5,7] away from 0", "float[N=5,7] in [0,1]"}},
      {"SigmoidCrossEntropyLoss",
       {{"reduction", "none"}},
       {"float[33] away from 0", "float[33] in [0,1]"}},
      {"Softmax", {}, {"float[N=5,7] in [-4,4]"}},
      {"Softmax", {{"axis", 0}}, {"float[33,3]"}},
      {"Softmax", {{"axis", 1}}, {"float[2,4097,2]"}},
      {"Softmax", {{"axis", -2}}, {"float[N=3,5,4]"}},
      Row("Softmax", {}, {"float[2,2] = 0 0.69314718 -inf -inf"})
          .Gives({"0.3333333 0.6666667 0 0"})
          .NotDifferentiated("infinity"),
      {"SoftmaxCrossEntropy", {}, {"float[N=5,7]", "int64[N=5] in [0,6]"}},
      Row("SoftmaxCrossEntropy", {{"axis", -1}, {"ignore_index", 3}},
          {"float[2,3,4]", "int64[2,3] in [0,3]"})
          .Outputs(2),
      Row("SoftmaxCrossEntropy", {{"axis", 0}}, {"float[33,3]", "int64[3] in [0,32]"}).Outputs(2),
      Row("SoftmaxCrossEntropy", {}, {"float[1,2] = 0 0.69314718", "int64[1] = 0"})
          .Outputs(2)
          .Gives({"1.098612289", "-1.098612289 -0.4054651081"}),
      {"SoftmaxCrossEntropyGradient",
       {},
       {"float[N=5,7] in [-4,0]", "int64[N=5] in [0,6]", "float[N=5]"}},
      {"SoftmaxCrossEntropyGradient",
       {{"axis", -1}, {"ignore_index", 3}},
       {"float[2,3,4] in [-4,0]", "int64[2,3] in [0,3]", "float[2,3]"}},
      {"SoftmaxCrossEntropyGradient",
       {{"axis", 0}},
       {"float[33,3] in [-4,0]", "int64[3] in [0,32]", "float[3]"}},
      Row("SoftmaxCrossEntropyGradient", {},
          {"float[1,2] = -1.386294361 -0.2876820724", "int64[1] = 1", "float[1] = 2"})
          .Gives({"0.5 -0.5"}),
      {"SoftmaxCrossEntropyLoss", {}, {"float[N=5,7]", "int64[N=5] in [0,6]"}},
      Row("SoftmaxCrossEntropyLoss", {{"reduction", "none"}},
          {"float[N=5,7]", "int32[N=5] in [0,6]"})
          .Outputs(2),
      {"SoftmaxCrossEntropyLoss",
       {{"ignore_index", 2}},
       {"float[N=2,3,4]", "int64[N=2,4] in [0,2]", "float[3] in [0.5,2]"}},
      {"SoftmaxCrossEntropyLoss", {{"reduction", "sum"}}, {"float[33,100]", "int64[33] in [0,99]"}},
      Row("SoftmaxCrossEntropyLoss", {}, {"float[1,2] = 0 0.69314718", "int64[1] = 0"})
          .Gives({"1.098612289"}),
      {"SoftmaxGradient", {}, {"float[N=5,7]", "float[N=5,7] in [0,1]"}},
      {"SoftmaxGradient", {{"axis", 1}}, {"float[2,33,3]", "float[2,33,3] in [0,1]"}},
      Row("SoftmaxGradient", {}, {"float[2] = 1 0", "float[2] = 0.25 0.75"})
          .Gives({"0.1875 -0.1875"}),

      // normalize/
      {"LayerNormalization", {}, {"float[N=5,7]", "float[7]", "float[7]"}},
      {"LayerNormalization", {}, {"float[3,128]", "float[128]"}},
      Row("LayerNormalization", {{"axis", 1}, {"epsilon", 0.1}},
          {"float[N=3,5,4]", "float[5,1]", "float[4]"})
          .Outputs(3),
      Row("LayerNormalization", {{"axis", 0}}, {"float[5,7]", "float[]", "float[1,7]"}).Outputs(2),
      Row("LayerNormalization", {{"epsilon", 3.0}, {"stash_type", 1}},
          {"float[1,2] = 1 3", "float[2] = 2 4", "float[2] = 10 20"})
          .Outputs(3)
          .Gives({"9 22", "2", "0.5"}),
      {"LayerNormalizationGradient",
       {},
       {"float[N=5,7]", "float[N=5,7]", "float[7]", "float[N=5,1]", "float[N=5,1] in [0.5,2]"}},
      {"LayerNormalizationGradient",
       {{"axis", 1}},
       {"float[3,5,4]", "float[3,5,4]", "float[5,1]", "float[3,1,1]", "float[3,1,1] in [0.5,2]"}},
      Row("LayerNormalizationGradient", {},
          {"float[1,2] = 1 0", "float[1,2] = 1 3", "float[2] = 2 4", "float[1,1] = 2",
           "float[1,1] = 0.5"})
          .Gives({"0.375 -0.375"}),

      // optimizer/
      Row("Adagrad", {},
          {"float[]", "int64[] = 3", "float[5,7]", "float[5,7]", "float[5,7] in [0.1,2]"})
          .Outputs(2)
          .NoGradient("updates are not differentiated"),
      Row("Adagrad", {{"decay_factor", 0.1}, {"epsilon", 0.01}, {"norm_coefficient", 0.1}},
          {"double[]", "int64[] = 2", "float[3]", "float[]", "float[3]", "float[]",
           "float[3] in [0.1,2]", "float[] in [0.1,2]"})
          .Outputs(4)
          .NoGradient("updates are not differentiated"),
      {"AdagradUpdate",
       {{"epsilon", 0.01}},
       {"float[N=5,7]", "float[N=5,7]", "float[N=5,7] in [0.1,2]", "float[]"}},
      {"AdagradUpdate", {}, {"float[1100]", "float[1100]", "float[1100] in [0.1,2]", "float[]"}},
      Row("AdagradUpdate", {{"epsilon", 1.0}},
          {"float[] = 1", "float[] = 3", "float[] = 16", "float[] = 0.5"})
          .Gives({"0.75", "25"}),
      Row("Adam", {},
          {"float[]", "int64[] = 3", "float[5,7]", "float[5,7]", "float[5,7]",
           "float[5,7] in [0.1,2]"})
          .Outputs(3)
          .NoGradient("updates are not differentiated"),
      Row("Adam",
          {{"alpha", 0.8},
           {"beta", 0.9},
           {"epsilon", 0.01},
           {"norm_coefficient", 0.1},
           {"norm_coefficient_post", 0.2}},
          {"double[]", "int64[] = 0", "float[3]", "float[]", "float[3]", "float[]", "float[3]",
           "float[]", "float[3] in [0.1,2]", "float[] in [0.1,2]"})
          .Outputs(6)
          .NoGradient("updates are not differentiated"),
      {"AdamUpdate",
       {{"beta1", 0.8}, {"beta2", 0.95}},
       {"float[N=5,7]", "float[N=5,7]", "float[N=5,7]", "float[N=5,7] in [0.1,2]", "float[]",
        "float[] in [0.1,1]"}},
      {"AdamUpdate",
       {},
       {"float[1100]", "float[1100]", "float[1100]", "float[1100] in [0,2]", "float[]",
        "float[] = 0.01"}},
      Row("AdamUpdate", {{"beta1", 0.5}, {"beta2", 0.75}},
          {"float[] = 1", "float[] = 2", "float[] = 4", "float[] = 0", "float[] = 0.5",
           "float[] = 1"})
          .Gives({"0.25", "3", "1"}),
      Row("Momentum",
          {{"alpha", 0.9}, {"beta", 1.0}, {"mode", "standard"}, {"norm_coefficient", 0.0}},
          {"float[]", "int64[] = 0", "float[5,7]", "float[5,7]", "float[5,7]"})
          .Outputs(2)
          .NoGradient("updates are not differentiated"),
      Row("Momentum",
          {{"alpha", 0.9}, {"beta", 0.5}, {"mode", "nesterov"}, {"norm_coefficient", 0.1}},
          {"float[]", "int64[] = 3", "float[3]", "float[]", "float[3]", "float[]", "float[3]",
           "float[]"})
          .Outputs(4)
          .NoGradient("updates are not differentiated"),
      {"MomentumUpdate",
       {{"momentum", 0.9}},
       {"float[N=5,7]", "float[N=5,7]", "float[N=5,7]", "float[]"}},
      {"MomentumUpdate",
       {{"momentum", 0.5}, {"nesterov", 1}},
       {"float[1100]", "float[1100]", "float[1100]", "float[]"}},
      Row("MomentumUpdate", {{"momentum", 0.5}},
          {"float[] = 1", "float[] = 2", "float[] = 4", "float[] = 0.25"})
          .Gives({"0", "4"}),
      {"RmsPropUpdate",
       {{"alpha", 0.8}, {"epsilon", 0.1}},
       {"float[N=5,7]", "float[N=5,7] in [0.1,2]"}},
      {"RmsPropUpdate", {}, {"float[1100]", "float[1100] in [0.1,2]"}},
      Row("RmsPropUpdate", {{"alpha", 0.75}, {"epsilon", 1.0}}, {"float[] = 2", "float[] = 4"})
          .Gives({"0.6666666667", "4"}),
      {"SgdUpdate", {}, {"float[N=5,7]", "float[N=5,7]", "float[]"}},
      Row("SgdUpdate", {}, {"float[2] = 1 2", "float[2] = 3 4", "float[] = 0.5"}).Gives({"-0.5 0"}),

      // random/
      {"Dropout", {}, {"float[N=33,7]", "constant float[] = 0.25", "bool[] = true"}},
      Row("Dropout", {{"seed", 5}}, {"float[4,3,5]", "", "bool[] = true"}).Outputs(2),
      Row("Dropout", {}, {"float[N=5,7]", "constant double[] = 0.9", "bool[] = false"}).Outputs(2),
      {"Dropout", {}, {"float[7]"}},
      {"Dropout", {}, {"float[]", "", "bool[] = true"}},
      {"Dropout", {}, {"float[2,1100]", "constant float[] = 0", "bool[] = true"}},

      // reduce/
      {"ArgMax", {}, {"float[N=5,7] distinct"}},
      {"ArgMax", {{"axis", -1}, {"keepdims", 0}}, {"float[N=5,33]"}},
      Row("ArgMax", {{"axis", 1}, {"select_last_index", 1}}, {"float[2,3] = 1 3 3 nan 2 0"})
          .Gives({"2 0"}),
      Row("ArgMax", {}, {"float[3] = 1 3 3"}).Gives({"1"}),
      {"ReduceCount", {}, {"float[5,7]", "int64[1] = 1"}},
      Row("ReduceCount", {{"noop_with_empty_axes", 1}}, {"float[5,7]", "int64[0] ="}).Gives({"1"}),
      Row("ReduceCount", {}, {"float[5,7]"}).Gives({"35"}),
      {"ReduceMax", {}, {"float[N=5,7] distinct"}},
      {"ReduceMax", {{"keepdims", 0}}, {"float[N=5,33] distinct", "int64[1] = -1"}},
      {"ReduceMax", {}, {"float[101,7] distinct", "int64[1] = 0"}},
      {"ReduceMax", {}, {"float[3,4,5] distinct", "int64[2] = 0 2"}},
      {"ReduceMax", {{"noop_with_empty_axes", 1}}, {"float[3] distinct"}},
      Row("ReduceMax", {}, {"float[2,2] = 1 nan 3 2", "int64[1] = 1"})
          .Gives({"nan 3"})
          .NotDifferentiated("nan"),
      {"ReduceMean", {}, {"float[N=5,7]"}},
      {"ReduceMean", {{"keepdims", 0}}, {"float[N=5,7]", "int64[1] = 0"}},
      {"ReduceMean", {}, {"float[3,4,5]", "int64[2] = 0 2"}},
      {"ReduceMean", {{"noop_with_empty_axes", 1}}, {"float[3]"}},
      Row("ReduceMean", {}, {"float[4] = 1 2 3 5"}).Gives({"2.75"}),
      {"ReduceMin", {}, {"float[N=5,7] distinct"}},
      {"ReduceMin", {{"keepdims", 0}}, {"float[N=5,33] distinct", "int64[1] = -1"}},
      {"ReduceMin", {}, {"float[101,7] distinct", "int64[1] = 0"}},
      {"ReduceMin", {{"noop_with_empty_axes", 1}}, {"float[3] distinct"}},
      Row("ReduceMin", {}, {"float[2,2] = 1 nan 3 2", "int64[1] = 1"})
          .Gives({"nan 2"})
          .NotDifferentiated("nan"),
      {"ReduceSum", {}, {"float[N=5,7]"}},
      {"ReduceSum", {{"keepdims", 0}}, {"float[N=5,7]", "int64[1] = 0"}},
      {"ReduceSum", {}, {"float[N=5,33]", "int64[1] = -1"}},
      {"ReduceSum", {}, {"float[3,4,5]", "int64[2] = 0 2"}},
      {"ReduceSum", {{"keepdims", 0}}, {"float[3,4,5]", "int64[2] = 2 1"}},
      {"ReduceSum", {}, {"float[101,7]", "int64[1] = 0"}},
      {"ReduceSum", {{"keepdims", 0}}, {"float[3,101,70]", "int64[1] = 1"}},
      {"ReduceSum", {}, {"float[2,4097]", "int64[1] = 1"}},
      {"ReduceSum", {{"keepdims", 0}}, {"float[20001]", "int64[1] = 0"}},
      {"ReduceSum", {}, {"float[65,129]"}},
      {"ReduceSum", {}, {"float[33,2,2,33]", "int64[3] = 0 2 3"}},
      {"ReduceSum", {}, {"float[]"}},
      Row("ReduceSum", {{"noop_with_empty_axes", 1}}, {"float[2] = 1 2", "int64[0] ="})
          .Gives({"1 2"}),
      Row("ReduceSum", {}, {"float[0,3]", "int64[1] = 0"}).Gives({"0 0 0"}),
      Row("ReduceSum", {}, {"float[2,3] = 1 2 3 4 5 6", "int64[1] = 1"}).Gives({"6 15"}),
      {"TopK", {}, {"float[N=5,7] distinct", "int64[1] = 3"}},
      Row("TopK", {{"axis", 0}, {"largest", 0}}, {"float[33,3] distinct", "int64[1] = 7"})
          .Outputs(2),
      Row("TopK", {{"sorted", 0}}, {"float[3] = 1 3 2", "int64[] = 2"})
          .Outputs(2)
          .Gives({"3 2", "1 2"}),
      {"TopK", {}, {"float[4] distinct", "int64[1] = 0"}},

      // shape/
      {"Constant", {{"value", Tensor::Of<float>({2, 2}, {1, 2, 3, 4})}}, {}},
      Row("Constant", {{"value", Tensor::Of<int64_t>({3}, {1, 2, 3})}}, {}).Gives({"1 2 3"}),
      {"Expand", {}, {"float[N=5,1]", "int64[3] = 2 1 7"}},
      {"Expand", {}, {"float[]", "int64[2] = 2 3"}},
      {"Flatten", {}, {"float[N=5,7,2]"}},
      {"Flatten", {{"axis", 0}}, {"float[5,7]"}},
      {"Flatten", {{"axis", -1}}, {"float[2,3,5,7]"}},
      {"Flatten", {{"axis", 0}}, {"float[]"}},
      {"Identity", {}, {"float[N=5,7]"}},
      {"Identity", {}, {"float[]"}},
      {"Reshape", {}, {"float[N=4,6]", "int64[2] = -1 3"}},
      {"Reshape", {}, {"float[2,3,4]", "int64[3] = 0 -1 2"}},
      {"Reshape", {{"allowzero", 1}}, {"float[0,3]", "int64[2] = 7 0"}},
      {"Reshape", {}, {"float[1,1]", "int64[0] ="}},
      {"Shape", {}, {"float[N=5,7]"}},
      Row("Shape", {}, {"float[5,0,7]"}).Gives({"5 0 7"}),
      {"Size", {}, {"float[N=5,7]"}},
      Row("Size", {}, {"float[5,7]"}).Gives({"35"}),
      {"Slice", {}, {"float[9,7]", "int64[2] = 1 -1", "int64[2] = 8 -9", "", "int64[2] = 3 -2"}},
      {"Slice", {}, {"float[N=5,7]", "int64[1] = 2", "int64[1] = 1000", "int64[1] = -1"}},
      {"Slice", {}, {"float[5,7]", "int64[1] = -2", "int64[1] = 1000"}},
      Row("Slice", {},
          {"float[4] = 1 2 3 4", "int64[1] = -1", "int64[1] = -1000", "int64[1] = 0",
           "int64[1] = -2"})
          .Gives({"4 2"}),
      {"SliceGradient",
       {},
       {"float[3,4]", "float[9,7]", "int64[2] = 1 -1", "int64[2] = 8 -9", "", "int64[2] = 3 -2"}},
      {"SliceGradient",
       {},
       {"float[N=5,5]", "float[N=5,7]", "int64[1] = 2", "int64[1] = 1000", "int64[1] = 1"}},
      Row("SliceGradient", {}, {"float[2] = 5 6", "float[4]", "int64[1] = 1", "int64[1] = 3"})
          .Gives({"0 5 6 0"}),
      Row("Split", {{"num_outputs", 3}}, {"float[8,3]"}).Outputs(3),
      Row("Split", {{"axis", -1}}, {"float[N=5,7]", "int64[3] = 2 0 5"}).Outputs(3),
      Row("Split", {}, {"float[3] = 1 2 3", "int64[2] = 1 2"}).Outputs(2).Gives({"1", "2 3"}),
      {"Squeeze", {}, {"float[N=5,1,7,1]", "int64[2] = 1 -1"}},
      {"Squeeze", {}, {"float[1,5,1]"}},
      {"Transpose", {}, {"float[N=5,7]"}},
      {"Transpose", {{"perm", Ints{1, 2, 0}}}, {"float[3,N=5,7]"}},
      {"Transpose", {{"perm", Ints{2, 0, 1, 3}}}, {"float[2,3,4,5]"}},
      Row("Transpose", {}, {"float[2,2] = 1 2 3 4"}).Gives({"1 3 2 4"}),
      {"Unsqueeze", {}, {"float[N=5,7]", "int64[2] = 0 -1"}},
      {"Unsqueeze", {}, {"float[]", "int64[] = 0"}},
  };
}

}  // namespace flowgrad
