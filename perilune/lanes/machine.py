"""From text to machine code of this processor, kept in the user's cache folder; and code that is ready to be called."""

import hashlib
import os

import llvmlite.binding as llvm

from perilune.foundation.compilation import cache_folder, keep

KEPT = 40  # programs, of about a megabyte each


def target() -> llvm.TargetMachine:
    """This processor, with all that it can."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features().flatten()
    triple = llvm.Target.from_default_triple()
    return triple.create_target_machine(cpu=llvm.get_host_cpu_name(), features=features, opt=2, reloc="pic", codemodel="small")


def name_of(text: str) -> str:
    """A name that hangs on the text, the compiler and the processor."""
    kind = f"{llvm.llvm_version_info} {llvm.get_host_cpu_name()} {llvm.get_host_cpu_features().flatten()}"
    return hashlib.sha256(f"1 {kind}\n{text}".encode()).hexdigest()[:32]


def compiled(text: str) -> bytes:
    """Machine code as an object file, from the cache where it has been compiled before. Raises NotImplementedError where
    LLVM does not take the text."""
    folder = cache_folder("lanes")
    path = None if folder is None else folder / f"{name_of(text)}.o"
    if path is not None and path.is_file():
        try:
            code = path.read_bytes()
            os.utime(path)
            return code
        except OSError:
            pass  # gone meanwhile: it is compiled again
    machine = target()
    try:
        module = llvm.parse_assembly(text)
        module.verify()
    except RuntimeError as problem:  # a combination of types that nobody has flown yet
        raise NotImplementedError(f"what LLVM will not read ({str(problem).splitlines()[-1]})") from problem
    code = machine.emit_object(module)
    if path is not None:
        keep(path, lambda file: file.write(code), KEPT)
    return code


class Code:
    """Machine code in memory: one function by its name, with all that it calls. It lives as long as this does."""

    def __init__(self, code: bytes, name: str):
        # JITLink lays all of an object in one place. LLVM's older linker may lay its parts too far apart for one another.
        self.compiler = llvm.create_lljit_compiler(target(), use_jit_link=True)
        library = llvm.JITLibraryBuilder().add_object_img(code).add_current_process().export_symbol(name)
        self.library = library.link(self.compiler, name)
        self.address = self.library[name]
