"""A device that is none: tensors say they are on it, their values lie on the CPU, and a GPU's rules hold.

Tensors of device ``meta`` that are made inside of :class:`PretendedDevice` have values. As on a GPU, tensors
of the device and of the CPU cannot meet, but for single numbers of the CPU and for indices; nothing makes
numpy of a tensor on the device; and what the host has to wait for is counted. Random numbers come from the
CPU's generator, so that a program has the same results on both, bit for bit.
"""

from collections import Counter
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

NAME = "meta"
# Operations for which the host waits until the device is done, because their result decides on the host or
# has a shape that only the device knows. On a GPU the matrix ones check for singular matrices there.
WAITING = {
    "_local_scalar_dense",
    "_unique2",
    "bincount",
    "equal",
    "linalg_inv_ex",
    "linalg_solve_ex",
    "masked_select",
    "nonzero",
    "repeat_interleave",
    "unique_dim",
}
INDEXING = {"index", "index_put", "index_put_"}
COPYING = {"_to_copy", "copy_"}
# What makes a tensor of numbers that the host has: on a GPU a copy from pageable memory, which waits too.
FROM_HOST = (torch.tensor, torch.as_tensor)

WAITS: Counter[str] = Counter()
"""What the host has waited for, and how often."""


class MixedDevicesError(RuntimeError):
    """What a GPU would refuse."""


class OnDevice(Tensor):
    """A tensor on the pretended device."""

    values: Tensor

    @staticmethod
    def __new__(cls, values: Tensor) -> "OnDevice":
        with torch.inference_mode(False):  # torch makes no views of such tensors in inference mode
            self = Tensor._make_wrapper_subclass(
                cls,
                values.shape,
                strides=values.stride(),
                storage_offset=values.storage_offset(),
                dtype=values.dtype,
                device=NAME,
            )
        self.values = values
        return self

    def __repr__(self, **options: Any) -> str:
        return f"OnDevice({self.values!r})"

    def __deepcopy__(self, memo: dict[int, Any]) -> "OnDevice":
        memo[id(self)] = copy = OnDevice(self.values.detach().clone()).requires_grad_(self.requires_grad)
        return copy

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.detach().values.__reduce_ex__(protocol)

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return compute(func, args, kwargs or {})


def compute(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Do on the CPU what an operation does on the device.

    Raises
    ------
    MixedDevicesError
        If tensors meet that a GPU would not let meet.
    """
    name = func.name().removeprefix("aten::").split(".")[0]
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    there = [tensor for tensor in tensors if isinstance(tensor, OnDevice)]
    here = [tensor for tensor in tensors if not isinstance(tensor, OnDevice)]
    asked = next((leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.device)), None)
    on_device = bool(there) if asked is None else asked.type == NAME
    if not there and not on_device:
        return func(*args, **kwargs)
    indexed = name in INDEXING and isinstance(args[0], OnDevice)
    if there and any(t.dim() for t in here) and not (indexed or name in COPYING):
        raise MixedDevicesError(f"{name} met tensors on the device and on the CPU")
    by_mask = name in INDEXING and any(t.dtype in (torch.bool, torch.uint8) for t in there[1:])
    if name in WAITING or by_mask or (here and there and (name in COPYING or indexed)):
        WAITS[name] += 1
    if name in ("_to_copy", "to") and asked is not None and on_device != bool(there):
        WAITS["to the device" if on_device else "to the CPU"] += 1

    inner_args, inner = tree_map(_on_the_cpu, (args, kwargs))
    result = func(*inner_args, **inner)
    if name == "_to_copy" and result is inner_args[0]:
        result = result.clone()
    if func._schema.is_mutable:  # the tensor that was given, and not another one with its values
        given = zip((*args, *kwargs.values()), (*inner_args, *inner.values()), strict=True)
        for outer, values in given:
            if values is result:
                return outer
    return tree_map(lambda x: OnDevice(x) if isinstance(x, Tensor) else x, result) if on_device else result


def _on_the_cpu(value: Any) -> Any:
    if isinstance(value, torch.device):
        return torch.device("cpu")
    return value.values if isinstance(value, OnDevice) else value


class _Functions(TorchFunctionMode):
    """What torch does without dispatching an operation, or without values on device ``meta``."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func is Tensor.tolist and isinstance(args[0], OnDevice):
            return args[0].cpu().tolist()
        device = kwargs.get("device")
        if func in FROM_HOST and device is not None and torch.device(device).type == NAME:
            return func(*args, **kwargs | {"device": "cpu"}).to(NAME)
        return func(*args, **kwargs)


class PretendedDevice(TorchDispatchMode):
    """Within it there is the device, and :data:`WAITS` counts from nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.functions = _Functions()

    def __enter__(self) -> "PretendedDevice":
        WAITS.clear()
        super().__enter__()
        self.functions.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.functions.__exit__(*error)
        super().__exit__(*error)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return compute(func, args, kwargs or {})
