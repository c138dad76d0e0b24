"""What a program for lanes works with: single numbers, and arrays of them in registers or in memory."""

from dataclasses import dataclass
from typing import Any

import numpy as np

WIDTH = 8  # lanes side by side: a vector register of 512 bits holds eight float64, and narrower machines take two or four
EVERYWHERE = -2  # home of what every function is given
LANES_TOGETHER = 64 * WIDTH  # bits of a number of all lanes of a block
SMALL = 40  # numbers at most of an array that is kept number by number; longer ones lie in memory and are looped over

WORDS = {  # what LLVM calls a number
    "float64": "double", "float32": "float", "int64": "i64", "int32": "i32", "uint64": "i64", "uint32": "i32", "int8": "i8",
    "uint8": "i8", "bool": "i1",
}  # fmt: skip


def word(dtype: str) -> str:
    """LLVM's name of one number. Raises NotImplementedError for a type that is not among them."""
    if dtype not in WORDS:
        raise NotImplementedError(f"numbers of type {dtype}")
    return WORDS[dtype]


def is_float(dtype: str) -> bool:
    """Whether numbers of this type have fractions."""
    return dtype.startswith("float")


@dataclass(eq=False, slots=True)
class Region:
    """A stretch of memory: which base it counts from, and how many bytes on. Of working memory it is known by a number until the
    program is written to its end: then it is known who needs memory when, and where in it each has its place."""

    base: str
    offset: int = 0
    number: int = -1  # of working memory

    def begin(self, further: int) -> str:
        """So many bytes into it, as text; of working memory to be settled (`WorkingMemory.settle`)."""
        return str(self.offset + further) if self.number < 0 else f"@{self.number}:{further}@"


@dataclass(eq=False, slots=True)
class Number:
    """One number of every lane (`varies`) or one for all: a constant, a name in the function that made it, a place in memory."""

    dtype: str
    varies: bool
    value: Any = None  # of a constant
    name: str = ""
    home: int = -1  # the function in which the name holds
    depth: int = 0  # of loops and branches of that function, inside which alone it holds
    place: "tuple[Region, int] | None" = None  # region and which number of it


@dataclass(eq=False, slots=True)
class Small:
    """An array kept number by number: a NumPy array of `Number`."""

    dtype: str
    numbers: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        return self.numbers.shape


@dataclass(eq=False, slots=True)
class Big:
    """An array in memory, seen through strides (in numbers); `moving` is a name of the function: numbers further on."""

    dtype: str
    varies: bool
    region: Region
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int = 0
    moving: str | None = None

    @property
    def size(self) -> int:
        """How many numbers."""
        return int(np.prod(self.shape))

    @property
    def is_contiguous(self) -> bool:
        """Whether its numbers lie one after the other."""
        return all(n == 1 or s == want for n, s, want in zip(self.shape, self.strides, whole(self.shape), strict=True))


def whole(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Strides of an array whose numbers lie one after the other."""
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= n
    return tuple(reversed(strides))


Value = Small | Big


def constant(value, dtype: str) -> Number:
    """A number known beforehand."""
    return Number(dtype, False, value=np.asarray(value).astype(dtype)[()])


def constants(array) -> Small:
    """An array known beforehand."""
    array = np.asarray(array)
    dtype = str(array.dtype)
    numbers = np.empty(array.shape, object)
    for place in np.ndindex(array.shape):
        numbers[place] = constant(array[place], dtype)
    return Small(dtype, numbers)
