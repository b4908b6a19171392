"""Gradients that several processes share."""
import torch
from torch import nn
import torch.distributed as dist


def average_gradients(model: nn.Module, finite: bool = True) -> None:
    """
    Replace the gradients by their mean over all processes; absent ones count as zero.

    :param model: with the same parameters in every process of the default group.
    :param finite: False spoils the gradients of all processes, so that all skip the step.
    """
    parameters = list(model.parameters())
    row = torch.cat([(torch.zeros_like(each) if each.grad is None else each.grad).flatten()
                     for each in parameters])
    if not finite:
        row.fill_(float('nan'))
    dist.all_reduce(row)
    row /= dist.get_world_size()
    start = 0
    for each in parameters:
        # In the memory layout of the parameter: fused optimisers pair the numbers as they lie
        # in memory, and do not notice when layouts differ.
        each.grad = torch.empty_like(each).copy_(row[start:start + each.numel()].view_as(each))
        start += each.numel()
