"""Tests of a batch's products and of its blocks in several threads."""

import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargen.model import batch
from chargen.model.batch import compute_blocks, empty_inputs, multiply, split

every_kernel = pytest.mark.parametrize("small_kernels", [False, True])


@every_kernel
@pytest.mark.parametrize(
    ("count", "width"), [(1, 1), (32, 8), (50, 40), (96, 300), (40, 4_000), (9, 70_000)]
)
@pytest.mark.parametrize("batch_size", [1, 2, 8, 9, 16, 17, 37])
def test_multiply_equals_the_product(
    monkeypatch: pytest.MonkeyPatch, small_kernels: bool, count: int, width: int, batch_size: int
) -> None:
    """Pieces with any rest of rows and columns, and one product, give the same outputs."""
    monkeypatch.setattr(batch, "has_small_kernels", lambda: small_kernels)
    random = np.random.default_rng(1)
    weights = random.standard_normal((count, width), np.float32)
    x = empty_inputs(width, batch_size)
    x[...] = random.standard_normal((width, batch_size), np.float32)
    product = multiply(weights, x)
    assert product.flags.c_contiguous
    # Float32 sums of `width` products of about 1.
    exact = weights.astype(np.float64) @ x
    np.testing.assert_allclose(product, exact, rtol=0, atol=2e-6 * width)


def test_kernels_of_avx2_are_not_small() -> None:
    """OpenBLAS copies the matrices of each product where the CPU has no AVX-512."""
    code = "from chargen.model.blas import has_small_kernels; print(has_small_kernels())"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={"OPENBLAS_CORETYPE": "Haswell", "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == "False"


@given(st.integers(1, 2_000), st.integers(1, 1 << 26), st.integers(1, 64))
def test_blocks_cover_the_batch(batch_size: int, weight_bytes: int, count: int) -> None:
    """Blocks are in order, about equal, as many as the cores at most, and not tiny."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch, "cores", lambda: count)
        blocks = split(batch_size, weight_bytes)
    rows = [row for block in blocks for row in range(batch_size)[block]]
    assert rows == list(range(batch_size))
    sizes = {block.stop - block.start for block in blocks}
    assert max(sizes) - min(sizes) <= 1
    assert len(blocks) <= count
    assert len(blocks) == 1 or min(sizes) >= 16


@pytest.mark.parametrize(
    ("batch_size", "hidden", "expected"),
    [(1, 512, 1), (31, 512, 1), (32, 512, 2), (256, 512, 2), (64, 128, 1), (256, 128, 2)],
)
def test_small_steps_are_not_divided(
    monkeypatch: pytest.MonkeyPatch, batch_size: int, hidden: int, expected: int
) -> None:
    """A batch is divided if each thread then has enough to compute."""
    monkeypatch.setattr(batch, "cores", lambda: 2)
    assert len(split(batch_size, 16 * hidden * hidden)) == expected


BLOCKS = [slice(0, 5), slice(5, 9), slice(9, 13)]


def test_each_block_is_computed_once() -> None:
    """The first block is computed in the calling thread, and all are computed at the end."""
    computed = []
    compute_blocks(lambda block: computed.append((block, threading.get_ident())), BLOCKS)
    assert sorted(block.start for block, _ in computed) == [0, 5, 9]
    assert (BLOCKS[0], threading.get_ident()) in computed


def test_an_error_in_another_thread_is_raised() -> None:
    """An exception of a block ends the computation of the batch."""

    def compute(block: slice) -> None:
        if block == BLOCKS[2]:
            raise MemoryError

    with pytest.raises(MemoryError):
        compute_blocks(compute, BLOCKS)


def test_busy_threads_do_not_delay_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The calling thread computes the blocks that no other thread has started."""
    monkeypatch.setattr(batch, "cores", lambda: 1)
    pool = batch._pool.__wrapped__()
    monkeypatch.setattr(batch, "_pool", lambda: pool)
    started, release = threading.Event(), threading.Event()

    def wait() -> None:
        started.set()
        release.wait()

    pool.submit(wait)
    started.wait()
    computed = []
    compute_blocks(lambda block: computed.append((block, threading.get_ident())), BLOCKS)
    release.set()
    assert computed == [(block, threading.get_ident()) for block in BLOCKS]
    pool.shutdown()
