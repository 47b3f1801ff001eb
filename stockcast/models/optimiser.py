"""The optimiser: one step of gradient descent, and how long each is."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch


def one_cycle(progress: float) -> float:
    """Share of the peak rate: up on a cosine for three tenths of the way, down to zero after (Smith 2018)."""
    rise, floor = 0.3, 0.04
    if progress < rise:
        return floor + (1 - floor) * (1 - math.cos(math.pi * progress / rise)) / 2
    return (1 + math.cos(math.pi * (progress - rise) / (1 - rise))) / 2


class AdamW:
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019).

    Not torch's own: constructing that imports torch's compiler, which takes as long as torch itself.
    """

    def __init__(self, parameters: Iterable[torch.Tensor], weight_decay: float) -> None:
        self.parameters = list(parameters)
        self.weight_decay = weight_decay
        self.mean = [torch.zeros_like(p) for p in self.parameters]
        self.square = [torch.zeros_like(p) for p in self.parameters]
        self.count = 0

    @torch.no_grad()
    def step(self, rate: float, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8) -> None:
        """One update from the parameters' gradients, which are then cleared."""
        self.count += 1
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        torch._foreach_mul_(self.parameters, 1 - rate * self.weight_decay)
        torch._foreach_lerp_(self.mean, gradients, 1 - beta1)
        torch._foreach_mul_(self.square, beta2)
        torch._foreach_addcmul_(self.square, gradients, gradients, 1 - beta2)
        root = torch._foreach_sqrt(self.square)
        torch._foreach_div_(root, math.sqrt(1 - beta2**self.count))
        torch._foreach_add_(root, epsilon)
        torch._foreach_addcdiv_(self.parameters, self.mean, root, value=-rate / (1 - beta1**self.count))
        for p in self.parameters:
            p.grad = None
