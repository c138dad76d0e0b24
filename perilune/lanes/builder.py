"""Writes the text of a program, function after function, and keeps account of where each number is."""

import struct
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from .memory import ALIGNED, WorkingMemory
from .values import EVERYWHERE, WIDTH, Number, Region, word

BASES = "PSAORWT"  # what a function is given: see `program`
ARGUMENTS = ", ".join([*(f"ptr noalias %{base}" for base in BASES), "i32 %tick"])
PASSED = ", ".join([*(f"ptr %{base}" for base in BASES), "i32 %tick"])
PIECE = 1500  # lines of a function after which the next one is begun: compilers take long over long ones


def literal(value, dtype: str) -> str:
    """A constant as LLVM reads it."""
    if dtype.startswith("float"):
        return "0x" + struct.pack(">d", float(value)).hex().upper()
    if dtype == "bool":
        return "true" if value else "false"
    return str(int(value))


@dataclass
class Piece:
    """A function that is written, and where its numbers were stored that later ones ask for."""

    lines: list[str]
    end: int  # in touches of memory
    stored: dict[tuple[str, str], tuple[Region, int]] = field(default_factory=dict)


class Builder:
    """Text under construction.

    A program is a row of functions over one workspace (`%W`), called one after the other by a driver, which alone branches
    where whole functions are left out. Numbers that a later function asks for are stored at the end of theirs.
    """

    def __init__(self, title: str = ""):
        self.title = title
        self.memory = WorkingMemory()
        self.pieces: list[Piece] = []
        self.driver: list[str] = []
        self.lines: list[str] = []
        self.names = 0
        self.depth = 0  # of loops and branches inside the function
        self.known: list[dict] = [{}]  # what has a name already: text or number → name, a table for each depth
        self.block = "entry"
        self.needed: set = set()  # functions from outside

    @property
    def piece(self) -> int:
        """The number of the function that is open."""
        return len(self.pieces)

    # names and lines ----------------------------------------------------------------------------------------------

    def fresh(self) -> str:
        """A new name."""
        self.names += 1
        return f"%v{self.names}"

    def fresh_label(self) -> str:
        """A new label."""
        self.names += 1
        return f"b{self.names}"

    def say(self, line: str) -> None:
        """One line."""
        self.lines.append(line)

    def label(self, name: str) -> None:
        """What follows stands under a label."""
        self.lines.append(f"{name}:")
        self.block = name

    def lookup(self, key):
        """The name of what is known already, or None."""
        for table in reversed(self.known):
            if key in table:
                return table[key]
        return None

    def named_text(self, text: str) -> str:
        """The name of what a line makes; the same line twice is written once."""
        name = self.lookup(text)
        if name is None:
            name = self.fresh()
            self.lines.append(f"{name} = {text}")
            self.known[-1][text] = name
        return name

    def made(self, text: str, dtype: str, varies: bool) -> Number:
        """The number that a line makes."""
        return self.number(self.named_text(text), dtype, varies)

    def number(self, name: str, dtype: str, varies: bool) -> Number:
        """A number by its name, here."""
        return Number(dtype, varies, name=name, home=self.piece, depth=self.depth)

    @contextmanager
    def inside(self):
        """Lines of a loop's body or a branch: what is named there is not known after it."""
        self.known.append({})
        self.depth += 1
        yield
        self.depth -= 1
        self.known.pop()

    # functions ------------------------------------------------------------------------------------------------------

    def end_piece(self) -> None:
        """End the function, and begin the next."""
        assert self.depth == 0
        if not self.lines:
            return
        self.driver.append(f"call void @{self.title}_{self.piece}({PASSED})")
        self.pieces.append(Piece(self.lines, self.memory.now))
        self.lines, self.known, self.block = [], [{}], "entry"

    def place_of(self, number: Number) -> tuple[Region, int]:
        """Where a number of a function that has ended lies in memory: stored at the end of that function, if nowhere else."""
        if number.place is None:
            assert 0 <= number.home < self.piece, "a number of no function that has ended"
            assert number.depth == 0, "a number that holds inside a loop or a branch alone"
            home, key = self.pieces[number.home], (number.name, number.dtype)
            if key not in home.stored:
                region = self.memory.take(self.bytes_of(number.dtype, number.varies))
                self.memory.touch(region, home.end)
                home.lines += self.stored(number, region)
                home.stored[key] = region, 0
            number.place = home.stored[key]
        return number.place

    def stored(self, number: Number, region: Region) -> list[str]:
        """The lines that put a number by its name into working memory."""
        where, operand, kind = self.fresh(), number.name, self.kind(number.dtype, number.varies)
        lines = [f"{where} = getelementptr i8, ptr %{region.base}, i64 {region.begin(0)}"]
        if number.dtype == "bool":
            held, wide = self.kind("int8", number.varies), self.fresh()
            lines.append(f"{wide} = zext {kind} {operand} to {held}")
            operand, kind = wide, held
        unit = self.bytes_of(number.dtype, number.varies)
        return [*lines, f"store {kind} {operand}, ptr {where}, align {min(unit, ALIGNED)}"]

    def written(self) -> tuple[str, int]:
        """All functions and their driver as text, and the bytes of working memory that they need."""
        assert not self.lines, "a function that has not ended"
        body = "\n".join(self.driver)
        texts = [
            f"define internal void @{self.title}_{k}({ARGUMENTS}) #0 {{\nentry:\n" + "\n".join(one.lines) + "\nret void\n}\n"
            for k, one in enumerate(self.pieces)
        ]
        texts.append(f"define void @{self.title}({ARGUMENTS}) #0 {{\nentry:\n{body}\nret void\n}}\n")
        return self.memory.settle("\n".join(texts))

    def end_if_long(self) -> None:
        """End the function if it is long enough and not inside a loop."""
        if self.depth == 0 and len(self.lines) > PIECE:
            self.end_piece()

    # memory ---------------------------------------------------------------------------------------------------------

    @staticmethod
    def bytes_of(dtype: str, varies: bool) -> int:
        """Bytes of a number in memory, of all lanes if it varies."""
        return (1 if dtype == "bool" else np.dtype(dtype).itemsize) * (WIDTH if varies else 1)

    def address(self, region: Region, static: int, unit: int, moving: str | None = None) -> str:
        """A pointer to `static` + `moving` units of bytes into a region."""
        base = f"%{region.base}"
        if region.base.startswith("T"):  # one of the arrays that all lanes share
            entry = self.named_text(f"getelementptr ptr, ptr %T, i64 {region.base[1:]}")
            base = self.named_text(f"load ptr, ptr {entry}")
        self.memory.touch(region)
        where = self.named_text(f"getelementptr i8, ptr {base}, i64 {region.begin(static * unit)}")
        if moving is None:
            return where
        return self.named_text(f"getelementptr [{unit} x i8], ptr {where}, i64 {moving}")

    def load(self, region: Region, static: int, dtype: str, varies: bool, moving: str | None = None) -> Number:
        """A number from memory."""
        unit = self.bytes_of(dtype, varies)
        where = self.address(region, static, unit, moving)
        held = "i8" if dtype == "bool" else word(dtype)
        kind = f"<{WIDTH} x {held}>" if varies else held
        name = self.fresh()
        self.say(f"{name} = load {kind}, ptr {where}, align {min(unit, ALIGNED)}")
        if dtype == "bool":
            before, name = name, self.fresh()
            self.say(f"{name} = trunc {kind} {before} to {self.kind('bool', varies)}")
        return self.number(name, dtype, varies)

    def store(self, number: Number, region: Region, static: int, varies: bool, moving: str | None = None) -> None:
        """A number to memory."""
        unit = self.bytes_of(number.dtype, varies)
        operand = self.operand(number, varies)
        where = self.address(region, static, unit, moving)
        kind = self.kind(number.dtype, varies)
        if number.dtype == "bool":
            held = f"<{WIDTH} x i8>" if varies else "i8"
            operand, kind = self.named_text(f"zext {kind} {operand} to {held}"), held
        self.say(f"store {kind} {operand}, ptr {where}, align {min(unit, ALIGNED)}")

    def placed(self, dtype: str, varies: bool) -> Number:
        """A number with a place in memory and nothing there yet."""
        return Number(dtype, varies, place=(self.memory.take(self.bytes_of(dtype, varies)), 0))

    # operands -------------------------------------------------------------------------------------------------------

    @staticmethod
    def kind(dtype: str, varies: bool) -> str:
        """LLVM's type of a number."""
        return f"<{WIDTH} x {word(dtype)}>" if varies else word(dtype)

    def operand(self, number: Number, varies: bool) -> str:
        """How a line speaks of a number, as one for all lanes or one a lane."""
        if number.value is not None:
            text = literal(number.value, number.dtype)
            return f"splat ({word(number.dtype)} {text})" if varies else text
        is_here = number.name and number.home in (self.piece, EVERYWHERE)
        name = number.name if is_here else self.fetched(number)
        if varies and not number.varies:
            scalar = word(number.dtype)
            first = self.named_text(f"insertelement <{WIDTH} x {scalar}> poison, {scalar} {name}, i32 0")
            return self.named_text(
                f"shufflevector <{WIDTH} x {scalar}> {first}, <{WIDTH} x {scalar}> poison, <{WIDTH} x i32> zeroinitializer"
            )
        assert varies or not number.varies, "one for all lanes was asked of a number that varies"
        return name

    def fetched(self, number: Number) -> str:
        """The name of a number that lies in memory, loaded once."""
        name = self.lookup(number)
        if name is None:
            region, index = self.place_of(number)
            name = self.load(region, index, number.dtype, number.varies).name
            self.known[-1][number] = name
        return name

    # loops ------------------------------------------------------------------------------------------------------------

    @contextmanager
    def turning(self):
        """What is written meanwhile is a loop, from its first line to its last."""
        since = self.memory.now
        yield
        self.memory.loop(since)

    @contextmanager
    def counted(self, count: int):
        """A loop; gives the counter's name."""
        before, body, after = self.block, self.fresh_label(), self.fresh_label()
        counter, following, is_over = self.fresh(), self.fresh(), self.fresh()
        self.say(f"br label %{body}")
        self.label(body)
        line = len(self.lines)
        self.say("")
        with self.turning(), self.inside():
            yield counter
        latch = self.fresh_label()
        self.say(f"br label %{latch}")
        self.label(latch)
        self.lines[line] = f"{counter} = phi i64 [ 0, %{before} ], [ {following}, %{latch} ]"
        self.say(f"{following} = add nuw nsw i64 {counter}, 1")
        self.say(f"{is_over} = icmp eq i64 {following}, {count}")
        self.say(f"br i1 {is_over}, label %{after}, label %{body}")
        self.label(after)

    def index(self, name: str) -> Number:
        """A loop's counter as a number."""
        return self.number(name, "int64", False)
