"""How engines, valves and tanks fail. Precedents from memory are marked (M); the others stand in published sources."""

from perilune.interface.design import ENGINE_CLASSES, FEET, TANKS

from .kinds import FaultKind

SLIM = "SLIM 2024: one of two main engines lost most of its thrust at 50 m"
PEREGRINE = "Peregrine 2024: a helium valve that did not close burst a tank (M)"
VIKRAM = "Chandrayaan-2 2019: engines gave more than was asked for while braking (M)"
LUNA_25 = "Luna-25 2023: a burn of 127 s instead of 84 s"
BERESHEET = "Beresheet 2019: the main engine stopped in braking and came back too late (M)"
NAMES = {"main": "main_engine", "assist": "assist_engine", "attitude": "attitude_thruster"}

EACH_TANK = tuple(str(k + 1) for k in range(TANKS))


def parts(name: str) -> tuple[str, ...]:
    """The engines of a class by number; a lone one has none."""
    count = ENGINE_CLASSES[name][1]
    return tuple(str(k + 1) for k in range(count)) if count > 1 else ()


def of_engine(name: str, what: str, known: dict[str, tuple[str, ...]]) -> tuple[FaultKind, ...]:
    """What the engines of a class can do."""
    kind, first, members = NAMES[name], ENGINE_CLASSES[name][0], parts(name)
    path = f"lander.engines.{name}.thrust_error_percent" if name == "main" else ""
    return (
        FaultKind(f"{kind}.thrust_error_percent", f"{what} more (positive) or less thrust than designed, at the same specific "
                  "impulse; −100: none.", -100.0, 50.0, -20.0, "engine_thrust", first, members, path=path,
                  precedents=known.get("thrust", ())),
        FaultKind(f"{kind}.specific_impulse_error_percent", f"{what} the same thrust from less (positive: more) impulse a "
                  "kilogram.", -50.0, 20.0, -20.0, "engine_impulse", first, members),
        FaultKind(f"{kind}.stuck_open", f"{what} thrust whether asked or not: its valve does not close.", 0.0, 1.0, 1.0,
                  "engine_open", first, members, precedents=known.get("open", ())),
        FaultKind(f"{kind}.stuck_closed", f"{what} nothing: its valve does not open.", 0.0, 1.0, 1.0, "engine_closed", first,
                  members, precedents=known.get("closed", ())),
    )  # fmt: skip


EACH_LEG = tuple(str(k + 1) for k in range(FEET))
IM_1 = "IM-1 2024: a leg broke at touchdown"
LEGS = (
    FaultKind("leg.strength_error_percent", "A strut crushes and breaks under more (positive) or less load than designed.", -99.0,
              100.0, -95.0, elements=EACH_LEG, path="lander.legs.strength_error_percent", precedents=(IM_1,)),
    FaultKind("leg.damping_error_percent", "A strut damps more (positive) or less than designed.", -100.0, 100.0, -90.0,
              elements=EACH_LEG, path="lander.legs.damping_error_percent"),
)  # fmt: skip

MACHINE = (
    *LEGS,
    *of_engine("main", "The main engine gives", {"thrust": (SLIM, VIKRAM), "open": (LUNA_25,), "closed": (BERESHEET,)}),
    FaultKind("main_engine.late_start_s", "The main engine lights this long after it is asked to.", 0.0, 600.0, 5.0,
              "main_late", 0, precedents=(BERESHEET,)),
    FaultKind("main_engine.late_cut_off_s", "The main engine burns on this long after it is told to stop.", 0.0, 600.0, 3.0,
              "main_late", 1, precedents=(LUNA_25,)),
    *of_engine("assist", "An assist engine gives", {"thrust": (SLIM,)}),
    *of_engine("attitude", "An attitude thruster gives", {}),
    FaultKind("tank.leak_kgps", "Propellant leaks from a tank without thrust.", 0.0, 100.0, 0.5, "tank_leak", elements=EACH_TANK,
              precedents=(PEREGRINE,)),
    FaultKind("tank.blocked", "Engines draw nothing from a tank: its outlet is shut.", 0.0, 1.0, 1.0, "tank_blocked",
              elements=EACH_TANK),
)  # fmt: skip
