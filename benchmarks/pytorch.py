#!/usr/bin/env python3
"""Measures a workload of this folder in PyTorch, on the data and first weights of ours.

STEP is what `flowgrad bench --save-step` wrote. The loss and the gradients of the first step are
compared with those in it, tensor by tensor: the largest difference must be at most 1e-4 of the
largest element. A workload that differs is not measured.

Everything that PyTorch offers for the same step is then tried for a moment: its optimizers one
parameter at a time, in lists and fused; with torch.compile, what is compiled may be the loss, the
optimizer, or the whole step written with torch.func, called from Python or from C++. One line of
JSON says what each way gave, in steps per second, the fastest of both kinds measured again in turn.
Then, for every line of input, the best eager and the best compiled way are measured, and their
steps per second are printed.
"""

import argparse
import json
import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional

TOLERANCE = 1e-4


def read_safetensors(path):
    """The tensors of a file of safetensors by name, and nothing but torch."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = bytearray(file.read())
    header.pop("__metadata__", None)
    types = {"F32": torch.float32, "I64": torch.int64}
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        flat = torch.frombuffer(data, dtype=torch.uint8)[begin:end].clone()
        tensors[name] = flat.view(types[entry["dtype"]]).reshape(entry["shape"])
    return tensors


def compare(name, ours, theirs):
    """Ends the program if they differ."""
    difference = (ours - theirs).abs().max().item()
    scale = theirs.abs().max().item()
    if ours.shape != theirs.shape or not difference <= TOLERANCE * scale:
        sys.exit(f"{name} differs by {difference:.3g}, its largest element is {scale:.3g}")


def whole(step, *arguments):
    """The step compiled as one graph, by name of the way."""
    wrapped = torch.compile(step, options={"cpp_wrapper": True})
    compiled = torch.compile(step)
    return {
        "compiled step": lambda: compiled(*arguments),
        "compiled step, C++ wrapper": lambda: wrapped(*arguments),
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
    """Forward, loss, backward, update.

    `parts` names, for each parameter of `model`, ours that it consists of, in order. nn.Linear has
    matrices transposed.
    """

    def __init__(self, model, loss, tensors, inputs, parts, rule=Sgd):
        self.model, self.loss, self.rule = model, loss, rule
        self.inputs, self.targets = (tensors[f"input/{name}"] for name in inputs)
        ours = {name: parts(name) for name, _ in model.named_parameters()}
        self.check_names({n for names in ours.values() for n in names}, tensors)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                parameter.copy_(self.joined(tensors, "weight", ours[name]))
        value = self.loss(model(self.inputs), self.targets)
        value.backward()
        compare("loss", tensors["loss"], value.detach())
        for name, parameter in model.named_parameters():
            gradient = self.joined(tensors, "gradient", ours[name])
            compare(f"gradient of {name}", gradient, parameter.grad)
            parameter.grad = None

    @staticmethod
    def joined(tensors, kind, names):
        return torch.cat([tensors[f"{kind}/{name}"].t() for name in names])

    @staticmethod
    def check_names(read, tensors):
        if missing := {f"gradient/{n}" for n in read} ^ {n for n in tensors if n[:2] == "gr"}:
            sys.exit(f"parameters of one side only: {', '.join(sorted(missing))}")

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

        before = "compiled loss, " if compiled else ""
        ways = {}
        for name in ["plain", "foreach", "fused"]:
            options = {} if name == "plain" else {name: True}
            try:
                optimizer = self.rule.optimizer(
                    self.model.parameters(), lr=self.rule.rate, **options
                )
            except (TypeError, RuntimeError):  # an older PyTorch does not have it
                continue
            ways[f"{before}{name} optimizer"] = step_with(optimizer.step, optimizer)
            if compiled and name == "plain":
                step = step_with(torch.compile(optimizer.step), optimizer)
                ways["compiled loss, compiled optimizer"] = step
        return {**ways, **self.whole()} if compiled else ways

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

    def __init__(self, value, tensors, kind, names):
        self.value = value
        self.leaves = [tensors[f"{kind}/{name}"].requires_grad_() for name in names]
        y = value(*self.leaves)
        compare("value", tensors["loss"], y.detach())
        for name, gradient in zip(names, torch.autograd.grad(y, self.leaves)):
            compare(f"gradient of {name}", tensors[f"gradient/{name}"], gradient)

    def ways(self, compiled):
        value = torch.compile(self.value) if compiled else self.value
        name = "compiled value, autograd" if compiled else "autograd"
        ways = {name: lambda: torch.autograd.grad(value(*self.leaves), self.leaves)}
        return {**ways, **self.whole()} if compiled else ways

    def whole(self):
        numbers = tuple(range(len(self.leaves)))
        step = torch.func.grad_and_value(self.value, argnums=numbers)
        return whole(step, *[leaf.detach() for leaf in self.leaves])


def mlp(tensors, *widths, image="images", rule=Sgd):
    layers = []
    for fan_in, fan_out in zip(widths, widths[1:]):
        layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]

    def parts(name):  # 0.weight, 0.bias, 2.weight: w1, b1, w2
        number, kind = name.split(".")
        return [f"{kind[0]}{int(number) // 2 + 1}"]

    model = nn.Sequential(*layers[:-1])
    return Training(model, functional.cross_entropy, tensors, [image, "labels"], parts, rule)


class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        self.chains = nn.ModuleList(
            nn.Sequential(*[f() for _ in range(8) for f in (lambda: nn.Linear(128, 128), nn.Tanh)])
            for _ in range(16)
        )

    def forward(self, x):
        return sum(chain(x) for chain in self.chains)


def wide16_branches(tensors):
    def parts(name):  # chains.3.4.weight: chain3/layer2/w
        _, chain, number, kind = name.split(".")
        return [f"chain{chain}/layer{int(number) // 2}/{kind[0]}"]

    return Training(Branches(), functional.mse_loss, tensors, ["x", "targets"], parts)


class Attention(nn.Module):
    """Query, key and value of all heads in one product."""

    def __init__(self, width, heads):
        super().__init__()
        self.in_proj = nn.Linear(width, 3 * width)
        self.out_proj = nn.Linear(width, width)
        self.heads = heads

    def forward(self, x):
        batch, length, width = x.shape
        parts = self.in_proj(x).view(batch, length, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value)
        return self.out_proj(mixed.transpose(1, 2).reshape(batch, length, width))


class EncoderLayer(nn.Module):
    def __init__(self, width, heads, hidden):
        super().__init__()
        self.self_attn = Attention(width, heads)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.linear1, self.linear2 = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x):
        x = self.norm1(x + self.self_attn(x))
        return self.norm2(x + self.linear2(functional.relu(self.linear1(x))))


def library_layer(width, heads, hidden):
    return nn.TransformerEncoderLayer(width, heads, hidden, dropout=0, batch_first=True)


class Encoder(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layers = nn.Sequential(*[layer(128, 4, 512) for _ in range(2)])
        self.classes = nn.Linear(128, 96)

    def forward(self, x):
        return self.classes(self.layers(x)).flatten(0, 1)


def transformer(layer):
    names = {
        "self_attn.out_proj": "attention/projection",
        "linear1": "expand",
        "linear2": "contract",
        "norm1": "norm1",
        "norm2": "norm2",
    }

    def parts(name):  # layers.1.norm2.weight: layer1/norm2/scale
        if name.startswith("classes"):
            return [f"classes/{name.split('.')[1][0]}"]
        _, number, name = name.split(".", 2)
        if "in_proj" in name:
            kind = "w" if name.endswith("weight") else "b"
            return [f"layer{number}/attention/{p}/{kind}" for p in ("query", "key", "value")]
        part, kind = name.rsplit(".", 1)
        kind = "b" if kind == "bias" else "scale" if "norm" in part else "w"
        return [f"layer{number}/{names[part]}/{kind}"]

    def loss(logits, labels):
        return functional.cross_entropy(logits, labels.flatten())

    return lambda tensors: Training(Encoder(layer), loss, tensors, ["x", "labels"], parts)


def toy_scalar_chain(tensors):
    x, y = tensors["input/x"], tensors["input/y"]

    def loss(b0, b1, b2, b3, w0, w1, w2, w3):
        f = b3 + w3 * torch.cos(b2 + w2 * torch.exp(b1 + w1 * torch.sin(b0 + w0 * x)))
        return (f - y) * (f - y)

    names = [f"{letter}{number}" for letter in ("beta", "omega") for number in range(4)]
    return Differentiation(loss, tensors, "weight", names)


def elementwise20_1M(tensors):
    def value(z):
        for _ in range(5):
            z = torch.tanh(1.1 * z + 0.1) * torch.sigmoid(z)
        return z.sum()

    return Differentiation(value, tensors, "input", ["x"])


def deep_chain_1000_tiny(tensors):
    def value(z):
        for _ in range(500):
            z = 0.99 * torch.tanh(z)
        return z.sum()

    return Differentiation(value, tensors, "input", ["x"])


# What makes a workload of tensors; by name of the variant where PyTorch has several.
WORKLOADS = {
    "seed_mlp_batch1": {"": lambda tensors: mlp(tensors, 9, 30, 2, image="x")},
    "toy_scalar_chain": {"": toy_scalar_chain},
    "mlp_784_512_512_10": {"": lambda tensors: mlp(tensors, 784, 512, 512, 10)},
    "mlp_adam": {"": lambda tensors: mlp(tensors, 784, 512, 512, 10, rule=Adam)},
    "wide16_branches": {"": wide16_branches},
    "elementwise20_1M": {"": elementwise20_1M},
    "deep_chain_1000_tiny": {"": deep_chain_1000_tiny},
    "transformer_d128_l2_t64": {"nn.TransformerEncoderLayer": transformer(library_layer)},
}
if hasattr(functional, "scaled_dot_product_attention"):  # not in an older PyTorch
    WORKLOADS["transformer_d128_l2_t64"]["own attention"] = transformer(EncoderLayer)


def seconds_of(step, count):
    start = time.perf_counter()
    for _ in range(count):
        step()
    return time.perf_counter() - start


def steps_per_second(step, seconds, chunks=20):
    """Median over chunks of steps, after a warm-up."""
    seconds_of(step, 3)
    count = 1
    while (spent := seconds_of(step, count)) < seconds / chunks / 2:
        count *= 2
    count = max(1, round(count * seconds / chunks / spent))
    return 1 / statistics.median(seconds_of(step, count) / count for _ in range(chunks))


def peak_bytes():
    with open("/proc/self/status") as status:
        fields = dict(line.split(":") for line in status)
    return int(fields["VmHWM"].removesuffix(" kB\n")) * 1024


class Ways:
    """The ways to run a step of one kind, eager or compiled, and what each gave."""

    def __init__(self, name, tensors, compiled):
        self.steps, self.rates, self.failed = {}, {}, {}
        for variant, make in WORKLOADS[name].items():
            for way, step in make(tensors).ways(compiled).items():
                self.steps[", ".join(filter(None, [variant, way]))] = step

    def try_all(self, seconds, only):
        for way, step in self.steps.items():
            if only in (None, way):
                try:
                    self.rates[way] = steps_per_second(step, seconds, chunks=5)
                except Exception as error:  # what cannot be compiled is not PyTorch's best
                    self.failed[way] = str(error).strip().splitlines()[-1]

    def try_again(self, seconds):
        for way in sorted(self.rates, key=self.rates.get)[-2:]:
            again = steps_per_second(self.steps[way], seconds, chunks=5)
            self.rates[way] = max(self.rates[way], again)

    def best(self):
        return max(self.rates, key=self.rates.get)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", choices=WORKLOADS, metavar="NAME", help=", ".join(WORKLOADS))
    parser.add_argument("step", metavar="STEP", help="the .safetensors file")
    parser.add_argument("--threads", type=int, default=1, help="default: 1")
    parser.add_argument("--seconds", type=float, default=2, help="of a measurement; default: 2")
    parser.add_argument("--way", help="take this one, the others are not tried")
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    torch.set_num_interop_threads(1)
    tensors = read_safetensors(options.step)
    kinds = {"eager": Ways(options.name, tensors, compiled=False)}
    # torch.compile takes memory just by being there.
    if hasattr(torch, "compile") and options.way not in kinds["eager"].steps:
        kinds["compiled"] = Ways(options.name, tensors, compiled=True)
    for ways in kinds.values():
        ways.try_all(options.seconds / 5, options.way)
    for _ in range(2):
        for ways in kinds.values():
            ways.try_again(options.seconds / 5)
    failed = {way: error for ways in kinds.values() for way, error in ways.failed.items()}
    kinds = {kind: ways for kind, ways in kinds.items() if ways.rates}
    if not kinds:
        sys.exit(f"no way to run the step: {failed}")
    best = {kind: ways.best() for kind, ways in kinds.items()}
    summary = {
        "best": best,
        "ways": {kind: ways.rates for kind, ways in kinds.items()},
        "failed": failed,
        "torch": torch.__version__,
        "peak_bytes": peak_bytes(),
    }
    print(json.dumps(summary), flush=True)
    for _ in sys.stdin:
        rates = {
            kind: steps_per_second(ways.steps[best[kind]], options.seconds)
            for kind, ways in kinds.items()
        }
        print(json.dumps(rates), flush=True)


main()
