"""A batch of samples: its products with weights, and its division into blocks for several threads.

Shapes: B batch, K inputs, N outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from chargen.model.blas import cores, has_small_kernels

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

Floats = npt.NDArray[np.float32]

# The size of a product, in multiplications, up to which OpenBLAS's AVX-512 kernels read both
# matrices in place. For a larger one they first copy the weights, in each call. Microseconds for
# 2048x1024 weights, one thread, in one product and in pieces of 32x16 outputs: 2 samples 411 and
# 113, 8 samples 727 and 336, 16 samples 923 and 618, 64 samples 2,890 and 2,560.
_SMALL = 100**3
_ROWS, _COLUMNS = 32, 16

# The fewest samples of a block, and the fewest bytes of weights times samples. A block takes about
# 50 us to start in another thread, and short numpy calls wait for Python's lock. Microseconds per
# step in one block and in two, next to other programs: 2x128, 64 samples 371 and 541; 2x512, 16
# samples 1,205 and 1,267, 32 samples 2,437 and 1,741.
_MIN_SAMPLES = 16
_MIN_BYTES = 1 << 25


def empty_inputs(width: int, batch_size: int) -> Floats:
    """Return memory for inputs [K, B] in the order that is faster for `multiply`."""
    if batch_size > _COLUMNS // 2:
        return np.empty((width, batch_size), np.float32)
    return np.empty((batch_size, width), np.float32).T


def multiply(weights: Floats, x: Floats) -> Floats:
    """Return weights [N, K] @ x [K, B], in C order. The weights are in C order, too."""
    (count, width), batch_size = weights.shape, x.shape[1]
    columns = min(_COLUMNS, batch_size)
    rows = min(_ROWS, _SMALL // (width * columns)) // 8 * 8 if has_small_kernels() else 0
    if not rows:
        product: Floats = np.dot(weights, x)
        return product
    out = np.empty((count, batch_size), np.float32)
    bottom, right = count // rows * rows, batch_size // columns * columns
    _multiply_pieces(weights[:bottom], x[:, :right], out[:bottom, :right], rows, columns)
    if right < batch_size:
        rest = batch_size - right
        _multiply_pieces(weights[:bottom], x[:, right:], out[:bottom, right:], rows, rest)
    if bottom < count:
        out[bottom:] = np.dot(weights[bottom:], x)
    return out


def _multiply_pieces(weights: Floats, x: Floats, out: Floats, rows: int, columns: int) -> None:
    """Multiply in pieces of rows x columns outputs, which divide the shape of `out` evenly."""
    width = len(x)
    np.matmul(
        weights.reshape(-1, 1, rows, width),
        x.reshape(width, -1, columns).transpose(1, 0, 2),
        out=out.reshape(-1, rows, x.shape[1] // columns, columns).transpose(0, 2, 1, 3),
    )


def split(batch_size: int, weight_bytes: int) -> list[slice]:
    """Divide a batch into equal blocks, one for each thread that is faster with it than without."""
    count = min(cores(), batch_size // _MIN_SAMPLES, weight_bytes * batch_size // _MIN_BYTES)
    ends = [batch_size * k // count for k in range(count + 1)] if count > 1 else [0, batch_size]
    return [slice(*each) for each in pairwise(ends)]


def compute_blocks(compute: Callable[[slice], None], blocks: Sequence[slice]) -> None:
    """Compute the first block in this thread and each of the others in another one."""
    others = [_pool().submit(compute, block) for block in blocks[1:]]
    compute(blocks[0])
    for other, block in zip(others, blocks[1:], strict=True):
        if other.cancel():  # it was not started, because other programs use the cores
            compute(block)
        else:
            other.result()


@cache
def _pool() -> ThreadPoolExecutor:
    from concurrent.futures import ThreadPoolExecutor  # not for a single sample: it takes 8 ms

    return ThreadPoolExecutor(cores())
