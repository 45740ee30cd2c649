#!/usr/bin/env python3
"""Writes the models of this folder that repeat themselves too often to be written by hand.

usage: write_models.py FOLDER
"""

import math
import pathlib
import sys


class Model:
    """The text of a model file, line by line."""

    def __init__(self, name, comment):
        self.name = name
        self.lines = [f"# {line}" for line in comment + ["Written by write_models.py."]]
        self.lines += ["format_version: 1", "", "graph {", f'  name: "{name}"']

    def input(self, name, type):
        self.lines.append(f'  input {{ name: "{name}" type: "{type}" }}')

    def uniform_parameter(self, name, type, fan_in):
        """A weight or bias, uniform in ±1/sqrt(fan_in)."""
        bound = repr(1 / math.sqrt(fan_in))
        self.lines += [
            "  parameter {",
            f'    name: "{name}"',
            f'    type: "{type}"',
            f"    init {{ uniform {{ low: -{bound} high: {bound} }} }}",
            "  }",
        ]

    def filled_parameter(self, name, type, value):
        """All of its elements are `value`."""
        init = f"init {{ constant: {value} }}"
        self.lines.append(f'  parameter {{ name: "{name}" type: "{type}" {init} }}')

    def constant(self, name, value):
        self.lines += [
            "  node {",
            f'    name: "{name}"',
            '    op: "Constant"',
            f'    attribute {{ name: "value" t {{ type: "float[]" values: {value} }} }}',
            "  }",
        ]

    def ints_constant(self, name, values):
        type = f"int64[{len(values)}]"
        self.lines += [
            "  node {",
            f'    name: "{name}"',
            '    op: "Constant"',
            f'    attribute {{ name: "value" t {{ type: "{type}" ints: {values} }} }}',
            "  }",
        ]

    def node(self, name, op, *inputs, **ints):
        """Gives its name, so that it can be the input of another. Keywords are attributes."""
        quoted = [f'"{i}"' for i in inputs]
        text = quoted[0] if len(quoted) == 1 else "[" + ", ".join(quoted) + "]"
        attributes = [f'attribute {{ name: "{a}" ints {{ values: {v} }} }}' for a, v in ints.items()]
        line = " ".join([f'  node {{ name: "{name}" op: "{op}" input: {text}', *attributes, "}"])
        if len(line) <= 100:
            self.lines.append(line)
            return name
        self.lines += ["  node {", f'    name: "{name}"', f'    op: "{op}"']
        if len(quoted) <= 4:
            self.lines.append(f"    input: {text}")
        else:
            self.lines.append("    input: [")
            self.lines += [f"      {i}," for i in quoted[:-1]] + [f"      {quoted[-1]}", "    ]"]
        self.lines += [f"    {attribute}" for attribute in attributes]
        self.lines.append("  }")
        return name

    def linear(self, scope, x, inputs, outputs):
        """x · w + b over the last axis."""
        self.uniform_parameter(f"{scope}/w", f"float[{inputs},{outputs}]", inputs)
        self.uniform_parameter(f"{scope}/b", f"float[{outputs}]", inputs)
        product = self.node(f"{scope}/product", "MatMul", x, f"{scope}/w")
        return self.node(f"{scope}/y", "Add", product, f"{scope}/b")

    def norm(self, scope, x, width):
        self.filled_parameter(f"{scope}/scale", f"float[{width}]", 1)
        self.filled_parameter(f"{scope}/b", f"float[{width}]", 0)
        return self.node(
            f"{scope}/y", "LayerNormalization", x, f"{scope}/scale", f"{scope}/b"
        )

    def sum(self, value):
        self.lines += [
            "  node {",
            '    name: "sum"',
            '    op: "ReduceSum"',
            f'    input: "{value}"',
            '    attribute { name: "keepdims" i: 0 }',
            "  }",
        ]

    def end(self, output, *training):
        self.lines += [f'  output: "{output}"', "}"]
        if training:
            self.lines += ["", "training {", f'  loss: "{output}"', *training, "}"]
        return self.name, "\n".join(self.lines) + "\n"


def wide16_branches():
    model = Model(
        "wide16_branches",
        [
            "16 independent chains of 8 layers 128 - 128 with tanh, summed: work for several threads,",
            "none of it large. Weights are uniform in ±1/sqrt(fan_in).",
        ],
    )
    model.input("x", "float[N,128]")
    model.input("targets", "float[N,128]")
    ends = []
    for chain in range(16):
        h = "x"
        for layer in range(8):
            scope = f"chain{chain}/layer{layer}"
            model.uniform_parameter(f"{scope}/w", "float[128,128]", 128)
            model.uniform_parameter(f"{scope}/b", "float[128]", 128)
            z = model.node(f"{scope}/z", "Gemm", h, f"{scope}/w", f"{scope}/b")
            h = model.node(f"{scope}/h", "Tanh", z)
        ends.append(h)
    model.node("predictions", "Sum", *ends)
    model.node("loss", "MeanSquaredError", "predictions", "targets")
    return model.end("loss", "  optimizer { sgd { learning_rate: 0.01 } }", "  batch_size: 16")


def transformer_d128_l2_t64():
    width, heads, hidden, length, classes = 128, 4, 512, 64, 96
    model = Model(
        "transformer_d128_l2_t64",
        [
            "Two post-norm encoder layers of width 128 with 4 heads and 512 hidden units of ReLU, on",
            "sequences of 64, and a class for each position. Weights are uniform in ±1/sqrt(fan_in).",
        ],
    )
    model.input("x", f"float[N,{length},{width}]")
    model.input("labels", f"int64[N,{length}]")
    model.ints_constant("split_heads", [0, 0, heads, width // heads])
    model.ints_constant("join_heads", [0, 0, width])
    model.constant("score_scale", 1 / math.sqrt(width // heads))

    def attention(scope, x):
        def of_heads(name, perm, factor=None):
            y = model.linear(f"{scope}/{name}", x, width, width)
            if factor:
                y = model.node(f"{scope}/{name}/scaled", "Mul", y, factor)
            y = model.node(f"{scope}/{name}/split", "Reshape", y, "split_heads")
            return model.node(f"{scope}/{name}/heads", "Transpose", y, perm=perm)

        query = of_heads("query", [0, 2, 1, 3], "score_scale")
        key = of_heads("key", [0, 2, 3, 1])
        value = of_heads("value", [0, 2, 1, 3])
        scores = model.node(f"{scope}/scores", "MatMul", query, key)
        shares = model.node(f"{scope}/shares", "Softmax", scores)
        y = model.node(f"{scope}/mixed", "MatMul", shares, value)
        y = model.node(f"{scope}/mixed/heads", "Transpose", y, perm=[0, 2, 1, 3])
        y = model.node(f"{scope}/mixed/joined", "Reshape", y, "join_heads")
        return model.linear(f"{scope}/projection", y, width, width)

    h = "x"
    for layer in range(2):
        scope = f"layer{layer}"
        y = attention(f"{scope}/attention", h)
        h = model.norm(f"{scope}/norm1", model.node(f"{scope}/sum1", "Add", h, y), width)
        y = model.linear(f"{scope}/expand", h, width, hidden)
        y = model.node(f"{scope}/relu", "Relu", y)
        y = model.linear(f"{scope}/contract", y, hidden, width)
        h = model.norm(f"{scope}/norm2", model.node(f"{scope}/sum2", "Add", h, y), width)
    logits = model.linear("classes", h, width, classes)
    model.ints_constant("one_row_each", [-1, classes])
    model.ints_constant("one_each", [-1])
    rows = model.node("logits", "Reshape", logits, "one_row_each")
    labels = model.node("targets", "Reshape", "labels", "one_each")
    model.node("loss", "SoftmaxCrossEntropyLoss", rows, labels)
    return model.end("loss", "  optimizer { sgd { learning_rate: 0.01 } }", "  batch_size: 16")


def elementwise20_1M():
    model = Model(
        "elementwise20_1M",
        ["z = tanh(1.1 z + 0.1) * sigmoid(z), five times, on 2^20 floats: memory and tanh."],
    )
    model.input("x", "float[1048576]")
    model.constant("factor", 1.1)
    model.constant("offset", 0.1)
    z = "x"
    for i in range(1, 6):
        scaled = model.node(f"scaled{i}", "Mul", z, "factor")
        shifted = model.node(f"shifted{i}", "Add", scaled, "offset")
        tanh = model.node(f"tanh{i}", "Tanh", shifted)
        sigmoid = model.node(f"sigmoid{i}", "Sigmoid", z)
        z = model.node(f"z{i}", "Mul", tanh, sigmoid)
    model.sum(z)
    return model.end("sum")


def deep_chain_1000_tiny():
    model = Model(
        "deep_chain_1000_tiny",
        ["z = 0.99 tanh(z), 500 times, on 8 floats: 1000 nodes that do next to nothing."],
    )
    model.input("x", "float[8]")
    model.constant("factor", 0.99)
    z = "x"
    for i in range(1, 501):
        tanh = model.node(f"tanh{i}", "Tanh", z)
        z = model.node(f"z{i}", "Mul", tanh, "factor")
    model.sum(z)
    return model.end("sum")


if len(sys.argv) != 2:
    sys.exit(__doc__)
for write in [deep_chain_1000_tiny, elementwise20_1M, transformer_d128_l2_t64, wide16_branches]:
    name, text = write()
    pathlib.Path(sys.argv[1], name + ".pbtxt").write_text(text, encoding="utf-8")
