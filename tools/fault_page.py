"""Write docs/faults.md from the catalogue: `python -m tools.fault_page`."""

from pathlib import Path

from perilune.command_line.fault_words import page

PAGE = Path(__file__).parent.parent / "docs" / "faults.md"

if __name__ == "__main__":
    PAGE.write_text(page())
    print(f"Written to {PAGE}.")
