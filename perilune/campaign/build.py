"""Which build flies: version, commit, and the digest of the source. Runs of two builds never mix."""

import hashlib
import subprocess
from functools import lru_cache
from pathlib import Path

from perilune import __version__
from perilune.foundation.errors import UserError


def commit() -> str | None:
    """The commit of the source tree that runs, where it is one, with “-changed” where files differ from it.

    A repository that merely holds the installation is not one.
    """
    root = Path(__file__).resolve().parents[2]
    words = ["git", "-C", str(root), "rev-parse", "--show-toplevel", "HEAD"]
    try:
        found = subprocess.run(words, capture_output=True, text=True, timeout=5, check=True).stdout.split("\n")
    except (OSError, subprocess.SubprocessError):
        return None
    if Path(found[0]).resolve() != root:
        return None
    changed = subprocess.run(["git", "-C", str(root), "status", "--porcelain"], capture_output=True, text=True).stdout
    return found[1] + ("-changed" if changed.strip() else "")


@lru_cache(maxsize=1)
def build() -> str:
    """Version, and the first digits of the SHA-256 of the source that this process has: two edited trees of one commit differ,
    and what else lies in the folder does not count. Two machines of one version have the same."""
    sha = hashlib.sha256()
    root = Path(__file__).resolve().parents[1]
    for path in sorted([*root.rglob("*.py"), *root.rglob("*.toml")]):
        sha.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return f"{__version__} {sha.hexdigest()[:12]}"


def check_build(wanted: str) -> None:
    """Raises UserError where this process has another version or other source than a campaign was begun with."""
    if wanted and wanted != build():
        raise UserError(
            f"A worker has Perilune {build()}, and the campaign is flown by {wanted}: install the same version on both, and go "
            "on with --resume."
        )
