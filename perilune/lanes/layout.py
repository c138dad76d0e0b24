"""How arrays of many lanes lie in memory: block after block; in a block number after number; of a number lane after lane."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .values import EVERYWHERE, SMALL, WIDTH, Big, Number, Region, Small, Value, whole

LINE = 64  # bytes of a cache line, and of the widest vector


@dataclass(frozen=True)
class Leaf:
    """Where an array lies in a block: its shape and type in one lane, and bytes from the block's begin."""

    shape: tuple[int, ...]
    dtype: str
    offset: int

    @property
    def count(self) -> int:
        """How many numbers."""
        return int(np.prod(self.shape))

    @property
    def held(self) -> np.dtype:
        """Its type in memory."""
        return np.dtype("int8" if self.dtype == "bool" else self.dtype)

    def view(self, memory: np.ndarray) -> np.ndarray:
        """Its numbers in blocks: block, number, lane."""
        part = memory[:, self.offset : self.offset + self.count * WIDTH * self.held.itemsize]
        return part.view(self.held).reshape(len(memory), self.count, WIDTH)


@dataclass(frozen=True)
class Layout:
    """A tree of arrays in a block of lanes."""

    tree: Any
    leaves: tuple[Leaf, ...]
    size: int

    def pack(self, tree: Any, blocks: int) -> np.ndarray:
        """Arrays with lanes first, as blocks. The last lane fills up the last block."""
        memory = room(blocks, self.size)
        for leaf, value in zip(self.leaves, jax.tree.leaves(tree), strict=True):
            rows = np.asarray(words(value))
            lanes = np.minimum(np.arange(blocks * WIDTH), len(rows) - 1)
            leaf.view(memory)[:] = rows[lanes].reshape(blocks, WIDTH, leaf.count).transpose(0, 2, 1)
        return memory

    def unpack(self, memory: np.ndarray, lanes: int) -> Any:
        """The tree with lanes first, as JAX's arrays."""
        arrays = []
        for leaf in self.leaves:
            rows = leaf.view(memory).transpose(0, 2, 1).reshape(-1, *leaf.shape)[:lanes]
            arrays.append(jnp.asarray(rows.astype(leaf.dtype)))
        return jax.tree.unflatten(self.tree, arrays)


def words(value):
    """An array as it is held: of a random key its words."""
    return jax.random.key_data(value) if jnp.issubdtype(value.dtype, jax.dtypes.prng_key) else value


def room(blocks: int, size: int) -> np.ndarray:
    """Zeroed bytes for so many blocks, beginning where any vector may."""
    raw = np.zeros(blocks * size + LINE, np.uint8)
    start = -raw.ctypes.data % LINE
    return raw[start : start + blocks * size].reshape(blocks, size)


def layout_of(shapes: Any) -> Layout:
    """The layout of a tree of shapes of one lane."""
    flat, tree = jax.tree.flatten(shapes)
    leaves, offset = [], 0
    for one in flat:
        is_key = jnp.issubdtype(one.dtype, jax.dtypes.prng_key)
        shape, dtype = ((*one.shape, 2), "uint32") if is_key else (tuple(one.shape), str(one.dtype))
        leaves.append(Leaf(shape, dtype, offset))
        offset += -(-leaves[-1].count * WIDTH * leaves[-1].held.itemsize // LINE) * LINE
    return Layout(tree, tuple(leaves), max(offset, LINE))


def given(base: str, layout: Layout) -> list[Value]:
    """A tree's arrays as a program reads or writes them, one of each lane."""
    return [lying(Region(base, leaf.offset), leaf.shape, leaf.dtype, True) for leaf in layout.leaves]


def given_to_all(shapes: list) -> list[Value]:
    """Arrays that lanes share, as a program reads them: each by its own pointer."""
    return [lying(Region(f"T{k}"), tuple(one.shape), str(one.dtype), False) for k, one in enumerate(shapes)]


def tick_given() -> Value:
    """The cycle's number, which all lanes share."""
    tick = Number("int32", False, name="%tick", home=EVERYWHERE)
    return Small("int32", np.asarray(tick, object).reshape(()))


def lying(region: Region, shape: tuple[int, ...], dtype: str, varies: bool) -> Value:
    """An array that is in memory already."""
    array = Big(dtype, varies, region, shape, whole(shape))
    if array.size > SMALL:
        return array
    numbers = np.empty(shape, object)
    for k, place in enumerate(np.ndindex(shape)):
        numbers[place] = Number(dtype, varies, place=(region, k))
    return Small(dtype, numbers)
