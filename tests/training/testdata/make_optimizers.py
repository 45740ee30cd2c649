"""Writes optimizers.safetensors: what PyTorch's optimizers and schedules do in 100 steps.

pip install torch==2.13.0 safetensors

The model is tests/training/optimizer_reference_test.cc's: two tanh units and a softmax over three
classes, in double, on six samples. For each configuration, of the name and order of that test: all
parameters (w1, b1, w2, b2, row by row) after each ten steps, double[10,15]. Rates are such that a
change of the last bits of the initial values stays one: with Adagrad at 0.1 it becomes 4e-9.
"""

import torch
from safetensors.torch import save_file
from torch import optim

torch.set_default_dtype(torch.float64)
torch.manual_seed(1)
x = torch.randn(6, 2)
labels = torch.tensor([0, 2, 1, 1, 0, 2])
initial = [torch.randn(2, 2), torch.randn(2), torch.randn(2, 3), torch.randn(3)]


def flat(parameters):
    return torch.cat([p.detach().reshape(-1) for p in parameters])


def train(make_optimizer, make_schedule=None, clip_norm=0):
    w1, b1, w2, b2 = parameters = [p.clone().requires_grad_() for p in initial]
    optimizer = make_optimizer(parameters)
    schedule = make_schedule(optimizer) if make_schedule else None
    rows = []
    for step in range(1, 101):
        optimizer.zero_grad()
        logits = torch.tanh(x @ w1 + b1) @ w2 + b2
        torch.nn.functional.cross_entropy(logits, labels).backward()
        if clip_norm:
            torch.nn.utils.clip_grad_norm_(parameters, clip_norm)
        optimizer.step()
        if schedule:
            schedule.step()
        if step % 10 == 0:
            rows.append(flat(parameters))
    return torch.stack(rows)


def sgd(parameters):
    return optim.SGD(parameters, lr=0.5)


tensors = {
    "x": x,
    "labels": labels,
    "initial": flat(initial),
    "sgd": train(sgd),
    "sgd_weight_decay": train(lambda p: optim.SGD(p, lr=0.5, weight_decay=0.01)),
    "momentum": train(lambda p: optim.SGD(p, lr=0.1, momentum=0.9)),
    "nesterov": train(
        lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.001)
    ),
    "rmsprop": train(lambda p: optim.RMSprop(p, lr=0.002)),
    "rmsprop_momentum": train(
        lambda p: optim.RMSprop(p, lr=0.001, alpha=0.9, eps=1e-6, momentum=0.8, weight_decay=0.01)
    ),
    "adagrad": train(lambda p: optim.Adagrad(p, lr=0.05)),
    "adagrad_decay": train(
        lambda p: optim.Adagrad(p, lr=0.2, lr_decay=0.05, eps=1e-8, weight_decay=0.01)
    ),
    "adam": train(lambda p: optim.Adam(p, lr=0.05)),
    "adam_weight_decay": train(
        lambda p: optim.Adam(p, lr=0.05, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.02)
    ),
    "adamw": train(lambda p: optim.AdamW(p, lr=0.05)),
    "adamw_weight_decay": train(
        lambda p: optim.AdamW(p, lr=0.05, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.1)
    ),
    "clip_norm": train(sgd, clip_norm=0.3),
    "schedule_step": train(sgd, lambda o: optim.lr_scheduler.StepLR(o, step_size=25, gamma=0.4)),
    "schedule_exponential": train(sgd, lambda o: optim.lr_scheduler.ExponentialLR(o, gamma=0.97)),
    "schedule_cosine": train(
        sgd, lambda o: optim.lr_scheduler.CosineAnnealingLR(o, T_max=100, eta_min=0.01)
    ),
}
save_file(tensors, "optimizers.safetensors", {"torch": torch.__version__})
