"""Random bits as JAX makes them: Threefry-2x32 of twenty rounds (Salmon and others, SC '11), counters as `jax.random` counts."""

import numpy as np

from .arithmetic import binary, converted, shifted
from .arrays import natural, new_array, write_at
from .builder import Builder
from .values import Number, Small, Value, constant

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
PARITY = 0x1BD11BDA
FEW = 4  # blocks that are written one after the other; more are looped over


def rotated(b: Builder, x: Number, by: int) -> Number:
    """Bits turned to the left."""
    left = shifted(b, "shl", x, constant(by, "uint32"))
    return binary(b, "or", left, shifted(b, "lshr", x, constant(32 - by, "uint32")))


def threefry(b: Builder, key: list[Number], x: list[Number]) -> list[Number]:
    """Two words from a key of two words and two words of counter."""
    third = binary(b, "xor", binary(b, "xor", key[0], key[1]), constant(PARITY, "uint32"))
    keys = [*key, third]
    x = [binary(b, "add", word, k) for word, k in zip(x, key, strict=True)]
    for group in range(5):
        for by in ROTATIONS[group % 2]:
            x[0] = binary(b, "add", x[0], x[1])
            x[1] = binary(b, "xor", x[0], rotated(b, x[1], by))
        x[0] = binary(b, "add", x[0], keys[(group + 1) % 3])
        x[1] = binary(b, "add", binary(b, "add", x[1], keys[(group + 2) % 3]), constant(group + 1, "uint32"))
    return x


def key_words(key: Value) -> list[Number]:
    """A key's two words."""
    assert isinstance(key, Small)
    return list(key.numbers.reshape(-1))


def folded(b: Builder, eqn, ins: list[Value]) -> list[Value]:
    """A new key from a key and a number."""
    key, data = ins
    assert isinstance(data, Small)
    words = threefry(b, key_words(key), [constant(0, "uint32"), converted(b, data.numbers.item(), "uint32")])
    return [Small("uint32", np.asarray(words, object))]


def bits(b: Builder, eqn, ins: list[Value]) -> list[Value]:
    """Words of 32 bits, one a counter: both halves of the block combined."""
    shape, key = tuple(eqn.params["shape"]), key_words(ins[0])
    if eqn.params["bit_width"] != 32:
        raise NotImplementedError(f"random words of {eqn.params['bit_width']} bits")
    count = int(np.prod(shape))

    def one(counter: Number) -> Number:
        words = threefry(b, key, [constant(0, "uint32"), counter])
        return binary(b, "xor", *words)

    if count <= FEW:
        numbers = np.empty(count, object)
        for k in range(count):
            numbers[k] = one(constant(k, "uint32"))
        return [Small("uint32", numbers.reshape(shape))]
    result = new_array(b, shape, "uint32", any(k.varies for k in key))
    for k in key:
        b.operand(k, result.varies)  # loaded before the loop
    with b.counted(count) as at:
        write_at(b, result, at, one(converted(b, b.index(at), "uint32")))
    return [natural(b, result)]


RULES = {"random_fold_in": folded, "random_bits": bits}
