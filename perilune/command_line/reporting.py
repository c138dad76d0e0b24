"""`perilune report`: a campaign's page, written whole or not at all."""

from typing import Any, NamedTuple

from perilune.campaign.evidence import Evidence
from perilune.campaign.place import place_of
from perilune.foundation.errors import UserError
from perilune.report.campaign_page import campaign_page, worst_of

PAGE = "report.html"


class Written(NamedTuple):
    """A page that is there: its address, what it is of, and the worst runs that it tells."""

    address: str
    evidence: Evidence
    worst: list[int]


def address_of(folder: str, target: str | None) -> tuple[str, str]:
    """Folder and name of the page. Raises UserError for what is no file's name."""
    if target is None:
        return folder, PAGE
    parent, slash, name = target.rpartition("/")
    if name in ("", ".", ".."):
        raise UserError(f"--out {target}: give the name of a file, as {PAGE}.")
    return parent + (slash if not parent else "") or ".", name


def write_report(folder: str, target: str | None, worst: int) -> Written:
    """Make the page of a campaign and put it there. Raises UserError, with nothing half-written."""
    parent, name = address_of(folder, target)
    evidence = Evidence(folder)
    page, place = campaign_page(evidence, folder, worst), place_of(parent)
    try:
        place.write(name, page.encode())
    except OSError as problem:
        raise UserError(
            f"{place.said(name)} cannot be written: {problem.strerror or problem}. Give another file with --out."
        ) from None
    return Written(target or place.said(name), evidence, worst_of(evidence, worst))


def as_json(written: Written) -> dict[str, Any]:
    """For machines."""
    evidence = written.evidence
    try:
        within: dict[str, Any] | None = evidence.landing_probability(within_requirements=True)
    except UserError:
        within = None  # a rule on landings stopped it: no other interval is right
    return {
        "report": written.address,
        "runs": len(evidence.column("run")),
        "landing_probability": evidence.landing_probability(),
        "within_requirements": within,
        "causes": evidence.causes(),
        "worst": written.worst,
    }
