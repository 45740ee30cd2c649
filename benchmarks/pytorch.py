#!/usr/bin/env python3
"""Measures a workload of this folder in PyTorch and prints one JSON object.

Everything that PyTorch offers for the same step is tried for a moment, and the fastest is measured:
its optimizers one parameter at a time, in lists and fused; with --compile, what is compiled may be
the loss, the optimizer, or the whole step written with torch.func, called from Python or from C++.
Models, data and first weights are those of NAME.pbtxt, except for the random numbers themselves.
"""

import argparse
import json
import statistics
import time

import torch
from torch import nn


def whole(step, *arguments):
    """The step compiled as one graph, by name of the way."""
    wrapped = torch.compile(step, options={"cpp_wrapper": True})
    compiled = torch.compile(step)
    return {
        "whole": lambda: compiled(*arguments),
        "whole, C++ wrapper": lambda: wrapped(*arguments),
    }


class Sgd:
    """torch.optim.SGD as a function that torch.compile takes into the graph of a step."""

    optimizer, rate = torch.optim.SGD, 0.01

    def __init__(self, parameters):
        pass

    def update(self, parameters, gradients):
        for p, g in zip(parameters, gradients):
            p.sub_(self.rate * g)


class Adam:
    """torch.optim.Adam in the same form."""

    optimizer, rate = torch.optim.Adam, 0.001

    def __init__(self, parameters):
        self.mean = [torch.zeros_like(p) for p in parameters]
        self.square = [torch.zeros_like(p) for p in parameters]
        self.step = torch.zeros(())

    def update(self, parameters, gradients):
        self.step.add_(1)
        rate, root = self.rate / (1 - 0.9**self.step), torch.sqrt(1 - 0.999**self.step)
        for p, g, m, v in zip(parameters, gradients, self.mean, self.square):
            m.lerp_(g, 0.1)
            v.lerp_(g * g, 0.001)
            p.sub_(rate * m / (torch.sqrt(v) / root + 1e-8))


class Training:
    """Forward, loss, backward, update."""

    def __init__(self, model, loss, inputs, targets, rule=Sgd):
        self.model, self.loss, self.inputs, self.targets = model, loss, inputs, targets
        self.rule = rule

    def ways(self, compiled):
        """Functions that run a step, by name."""

        def loss():
            return self.loss(self.model(self.inputs), self.targets)

        loss = torch.compile(loss) if compiled else loss

        def step_with(update, optimizer):
            def step():
                loss().backward()
                update()
                optimizer.zero_grad(set_to_none=True)

            return step

        ways = {}
        for name in ["plain", "foreach", "fused"]:
            options = {} if name == "plain" else {name: True}
            optimizer = self.rule.optimizer(self.model.parameters(), lr=self.rule.rate, **options)
            ways[f"{name} optimizer"] = step_with(optimizer.step, optimizer)
            if compiled and name == "plain":
                ways["compiled optimizer"] = step_with(torch.compile(optimizer.step), optimizer)
        return ways | self.whole() if compiled else ways

    def whole(self):
        parameters = {name: p.detach().clone() for name, p in self.model.named_parameters()}
        rule = self.rule(parameters.values())

        def loss(parameters):
            outputs = torch.func.functional_call(self.model, parameters, (self.inputs,))
            return self.loss(outputs, self.targets)

        def step(parameters):
            gradients, value = torch.func.grad_and_value(loss)(parameters)
            rule.update(parameters.values(), gradients.values())
            return value

        return whole(step, parameters)


class Differentiation:
    """A value and its gradients by leaves."""

    def __init__(self, value, leaves):
        self.value, self.leaves = value, leaves

    def ways(self, compiled):
        value = torch.compile(self.value) if compiled else self.value
        ways = {"autograd": lambda: torch.autograd.grad(value(*self.leaves), self.leaves)}
        return ways | self.whole() if compiled else ways

    def whole(self):
        numbers = tuple(range(len(self.leaves)))
        step = torch.func.grad_and_value(self.value, argnums=numbers)
        return whole(step, *[leaf.detach() for leaf in self.leaves])


def mlp(*widths):
    layers = []
    for fan_in, fan_out in zip(widths, widths[1:]):
        layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def classifier(batch, *widths, **options):
    inputs, labels = torch.rand(batch, widths[0]), torch.randint(widths[-1], (batch,))
    return Training(mlp(*widths), nn.functional.cross_entropy, inputs, labels, **options)


class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        self.chains = nn.ModuleList(
            nn.Sequential(*[f() for _ in range(8) for f in (lambda: nn.Linear(128, 128), nn.Tanh)])
            for _ in range(16)
        )

    def forward(self, x):
        return sum(chain(x) for chain in self.chains)


def wide16_branches(batch):
    inputs, targets = torch.rand(batch, 128), torch.rand(batch, 128)
    return Training(Branches(), nn.functional.mse_loss, inputs, targets)


def toy_scalar_chain(batch):
    x, y = torch.tensor(2.3), torch.tensor(2.0)

    def loss(b0, b1, b2, b3, w0, w1, w2, w3):
        f = b3 + w3 * torch.cos(b2 + w2 * torch.exp(b1 + w1 * torch.sin(b0 + w0 * x)))
        return (f - y) * (f - y)

    numbers = [1.0, 2.0, -3.0, 0.4, 0.1, -0.4, 2.0, 3.0]
    return Differentiation(loss, [torch.tensor(n, requires_grad=True) for n in numbers])


def elementwise20_1M(batch):
    def value(z):
        for _ in range(5):
            z = torch.tanh(1.1 * z + 0.1) * torch.sigmoid(z)
        return z.sum()

    return Differentiation(value, [torch.rand(2**20, requires_grad=True)])


def deep_chain_1000_tiny(batch):
    def value(z):
        for _ in range(500):
            z = 0.99 * torch.tanh(z)
        return z.sum()

    return Differentiation(value, [torch.rand(8, requires_grad=True)])


# Name: the batch where none is given (None: the workload has none), and what makes it.
WORKLOADS = {
    "seed_mlp_batch1": (1, lambda n: classifier(n, 9, 30, 2)),
    "toy_scalar_chain": (None, toy_scalar_chain),
    "mlp_784_512_512_10": (128, lambda n: classifier(n, 784, 512, 512, 10)),
    "mlp_adam": (128, lambda n: classifier(n, 784, 512, 512, 10, rule=Adam)),
    "wide16_branches": (16, wide16_branches),
    "elementwise20_1M": (None, elementwise20_1M),
    "deep_chain_1000_tiny": (None, deep_chain_1000_tiny),
}


def seconds_of(step, count):
    start = time.perf_counter()
    for _ in range(count):
        step()
    return time.perf_counter() - start


def seconds_per_step(step, seconds, chunks=20):
    """Median over chunks of steps, after a warm-up."""
    seconds_of(step, 3)
    count = 1
    while (spent := seconds_of(step, count)) < seconds / chunks / 2:
        count *= 2
    count = max(1, round(count * seconds / chunks / spent))
    return statistics.median(seconds_of(step, count) / count for _ in range(chunks))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", choices=WORKLOADS, metavar="NAME", help=", ".join(WORKLOADS))
    parser.add_argument("--batch", type=int, help="default: that of the model file")
    parser.add_argument("--threads", type=int, default=1, help="default: 1")
    parser.add_argument("--seconds", type=float, default=5, help="time to measure for; default: 5")
    parser.add_argument("--compile", action="store_true", help="with torch.compile")
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    torch.set_num_interop_threads(1)
    torch.manual_seed(1)
    default_batch, make = WORKLOADS[options.name]
    batch = None if default_batch is None else options.batch or default_batch
    ways = make(batch).ways(options.compile)
    trial = options.seconds / 5
    trials = {way: seconds_per_step(step, trial, chunks=5) for way, step in ways.items()}
    best = min(trials, key=trials.get)
    steps_per_second = 1 / seconds_per_step(ways[best], options.seconds)
    result = {
        "name": options.name,
        "batch": batch,
        "threads": options.threads,
        "mode": "compile" if options.compile else "eager",
        "way": best,
        "steps_per_second": steps_per_second,
        "samples_per_second": None if batch is None else steps_per_second * batch,
        "torch": torch.__version__,
    }
    print(json.dumps(result))


main()
