"""The client that tunes itself on each network profile: next to the best fixed concurrency that a sweep finds, from its
start on, and as the delay and the capacity change.

The service is simulated, with WORKERS workers and the service times TIMES, so that what it can do is known before
anything is measured. A sweep doubles the number in flight until that brings nothing and then looks between; the best is
the one with the most throughput whose p99.9 meets the target of the configuration.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from box import Box, box
from clients import clients

WORKERS = 8
TIMES = "p50:1.3ms,p90:2ms,p99:2.8ms,p100:3.4ms"
CAPACITY_RPS = WORKERS / 1.557e-3  # the mean of straight lines between those percentiles

TARGETS_US: dict[str, float | None] = {"laptop": None, "in-region-default": 20_000, "in-region-low-latency": 5_000}
STEADY = 0.15  # how far 1 s means of the limit may be from their mean


def settle_s(rtt_s: float) -> float:
    """How long a limit may take to settle: 5 s, or 50 round trips."""
    return max(5.0, 50 * rtt_s)


@dataclass(frozen=True)
class Profile:
    name: str
    rtt_s: float
    first: int  # the sweep's first concurrency
    met: tuple[str, ...]  # configurations whose target can be met
    unmet: tuple[str, ...]

    @property
    def settle_s(self) -> float:
        return settle_s(self.rtt_s)


NEAR = ("laptop", "in-region-default", "in-region-low-latency")
FAR = ("in-region-default", "in-region-low-latency")
PROFILES = [  # those that take longest first
    Profile("same-host", 0, 1, NEAR, ()),
    Profile("in-region", 0.0005, 1, NEAR, ()),
    Profile("cross-region", 0.08, 64, ("laptop",), FAR),
    Profile("laptop", 0.03, 32, ("laptop",), FAR),
]


@dataclass(frozen=True)
class Effort:
    """How long each part takes, and how many boxes there are at once."""

    point_s: float
    refinements: int
    rounds: int
    round_s: float
    window_s: int  # of the mean that a settled limit stays near
    profiles_at_once: int  # a box takes a quarter of a core
    courses_at_once: int  # more, since only their limit is looked at


FULL = Effort(point_s=1.5, refinements=1, rounds=3, round_s=3, window_s=30, profiles_at_once=2, courses_at_once=4)
QUICK = Effort(point_s=0.8, refinements=1, rounds=1, round_s=2, window_s=8, profiles_at_once=2, courses_at_once=4)
MOST_IN_FLIGHT = 4096


@dataclass
class Point:
    rps: float
    p999_us: float
    errors: int


@dataclass
class Sweep:
    """Fixed concurrencies on one box, each measured once."""

    box: Box
    profile: Profile
    effort: Effort
    points: dict[int, Point] = field(default_factory=dict)

    def measure(self, concurrency: int) -> Point:
        if concurrency not in self.points:
            self.points[concurrency] = fixed(self.box, concurrency, self.profile, self.effort.point_s)
        return self.points[concurrency]

    def double(self) -> None:
        """Until two doublings in succession have brought less than 3 % of throughput, and every target is missed."""
        concurrency, best, idle = self.profile.first, 0.0, 0
        loosest_us = max(filter(None, TARGETS_US.values()))
        while concurrency <= MOST_IN_FLIGHT and (idle < 2 or self.points[concurrency // 2].p999_us < loosest_us):
            point = self.measure(concurrency)
            idle = 0 if point.rps > 1.03 * best else idle + 1
            best = max(best, point.rps)
            concurrency *= 2

    def best(self, target_us: float | None) -> int:
        """The least concurrency within 1 % of the most throughput of those that meet the target; where none does, the
        one that misses it least."""
        meeting = {c: p for c, p in self.points.items() if target_us is None or p.p999_us <= target_us}
        if not meeting:
            return min(self.points, key=lambda c: self.points[c].p999_us)
        most = max(point.rps for point in meeting.values())
        return min(c for c, point in meeting.items() if point.rps >= 0.99 * most)

    def refine(self, target_us: float | None) -> int:
        for _ in range(self.effort.refinements):
            best, known = self.best(target_us), sorted(self.points)
            at = known.index(best)
            for other in known[max(at - 1, 0):at] + known[at + 1:at + 2]:
                self.measure(round((best * other) ** 0.5))
        return self.best(target_us)


def count(errors: dict[str, int]) -> int:
    return sum(errors.values())


def fixed(network: Box, concurrency: int, profile: Profile, seconds: float) -> Point:
    warmup_ms = 300 + round(5000 * profile.rtt_s)
    result = network.bench("--concurrency", concurrency, "--warmup", f"{warmup_ms}ms", "--duration", f"{seconds}s")
    return Point(result["throughput_rps"], result["latency_us"]["p999"], count(result["errors"]))


def offered(best: int) -> int:
    """Callers for a configuration to choose from: twice what is best on the wire, and not so many that those who wait
    pass their deadline."""
    return max(64, 2 * best)


def adaptive(network: Box, configuration: str, callers: int, profile: Profile, seconds: float) -> dict:
    result = network.bench("--configuration", configuration, "--concurrency", callers, "--warmup",
                           f"{profile.settle_s}s", "--duration", f"{seconds}s")
    return {"rps": result["throughput_rps"], "p999_us": result["service_us"]["p999"], "limit": result["limit"],
            "total_p999_us": result["latency_us"]["p999"], "is_target_unmet": result["is_target_unmet"],
            "errors": count(result["errors"])}


def compare(network: Box, profile: Profile, configuration: str, best: int, effort: Effort) -> dict:
    """The best fixed concurrency and the configuration in turn."""
    ours, theirs = [], []
    for _ in range(effort.rounds):
        theirs.append(fixed(network, best, profile, effort.round_s))
        ours.append(adaptive(network, configuration, offered(best), profile, effort.round_s))
    ratios = [a["rps"] / b.rps for a, b in zip(ours, theirs)]
    target_us = TARGETS_US[configuration]
    p999_us = statistics.median(a["p999_us"] for a in ours)
    return {
        "profile": profile.name, "configuration": configuration, "target_us": target_us,
        "row": f"{profile.name}, {configuration}", "ratio": statistics.median(ratios),
        "ratio_range": [min(ratios), max(ratios)],
        "static": {"concurrency": best, "rps": statistics.median(b.rps for b in theirs),
                   "p999_us": statistics.median(b.p999_us for b in theirs)},
        "adaptive": {"rps": statistics.median(a["rps"] for a in ours), "p999_us": p999_us,
                     "limit": statistics.median(a["limit"] for a in ours)},
        "is_within_target": target_us is None or p999_us <= target_us,
        "is_target_unmet": any(a["is_target_unmet"] for a in ours),
        "errors": sum(a["errors"] for a in ours) + sum(b.errors for b in theirs), "rounds": ours,
    }


# --- Settling ---


def settled_after_s(course: list[dict], from_s: float, until_s: float, window_s: int) -> float | None:
    """The first second after which the limit's 1 s means stay near the mean of the window that follows, or None."""
    limits = [entry["limit"] for entry in course if from_s < entry["at_s"] <= until_s]
    for start in range(len(limits) - window_s + 1):
        window = limits[start:start + window_s]
        mean = statistics.mean(window)
        if all(abs(limit - mean) <= STEADY * mean for limit in window):
            return start
    return None


def follow(profile: Profile, configuration: str, best: int, effort: Effort) -> dict:
    """One client from its start on, while the delay doubles and then the capacity halves."""
    changes: list[tuple[str, Callable[[Box], None] | None]] = [("start", None)]
    if profile.rtt_s > 0:
        changes.append(("delay doubled", lambda b: b.network(f"rtt {round(2e6 * profile.rtt_s)}us")))
    changes.append(("capacity halved", lambda b: b.simulate(WORKERS // 2, TIMES)))
    phase_s = effort.window_s + settle_s(2 * profile.rtt_s) + 1
    with box(profile.name) as network:
        network.simulate(WORKERS, TIMES)
        load = network.load("--configuration", configuration, "--concurrency", offered(best), "--warmup", "0s",
                            "--duration", f"{phase_s * len(changes) + 0.5}s")
        started = load.await_first_second()
        for number, (_, change) in enumerate(changes):
            if change is not None:
                time.sleep(max(0.0, started + number * phase_s - time.monotonic()))
                change(network)
        result = load.result()
    course, settled = result["course"], {}
    rtt_s = profile.rtt_s
    for number, (name, _) in enumerate(changes):
        rtt_s = 2 * profile.rtt_s if name == "delay doubled" else rtt_s
        from_s, until_s = number * phase_s, (number + 1) * phase_s
        last = [entry for entry in course if until_s - effort.window_s < entry["at_s"] <= until_s]
        settled[name] = {
            "after_s": settled_after_s(course, from_s, until_s, effort.window_s), "allowed_s": settle_s(rtt_s),
            "limit": statistics.mean(entry["limit"] for entry in last),
            "rps": statistics.mean(entry["throughput_rps"] for entry in last),
            "p999_us": statistics.median(entry["service_p999_us"] for entry in last),
        }
    return {"settled": settled, "errors": count(result["errors"]), "course": course}


# --- A step ---

STEP_TO = 1000
STEP_AFTER_S = 3.0
STEP_WINDOW = 5  # entries of 100 ms that a throughput is taken over


def reached_after_s(course: list[dict], goal_rps: float) -> float | None:
    """How long after the step the throughput of half a second first is at the goal, at the end of that half second."""
    after = [entry for entry in course if entry["at_s"] > STEP_AFTER_S]
    for end in range(STEP_WINDOW, len(after) + 1):
        if statistics.mean(entry["throughput_rps"] for entry in after[end - STEP_WINDOW:end]) >= goal_rps:
            return after[end - 1]["at_s"] - STEP_AFTER_S
    return None


def step(best: int, effort: Effort) -> dict:
    """From 1 to 1,000 callers at once, in region; a round's goal is what the best fixed concurrency does in it."""
    seconds, goals_rps, errors = [], [], 0
    profile = next(profile for profile in PROFILES if profile.name == "in-region")
    for _ in range(effort.rounds):
        with box(profile.name) as network:
            network.simulate(WORKERS, TIMES)
            goals_rps.append(0.95 * fixed(network, best, profile, effort.round_s).rps)
            result = network.bench("--configuration", "in-region-default", "--concurrency", STEP_TO, "--warmup",
                                   f"{STEP_AFTER_S}s", "--warmup-concurrency", 1, "--duration", "4s", "--interval",
                                   "100ms")
        errors += count(result["errors"])
        seconds.append(reached_after_s(result["course"], goals_rps[-1]))
    reached = [s for s in seconds if s is not None]
    print(f"\nfrom 1 to {STEP_TO:,} callers: 95 % of the throughput of {best} in flight after "
          + ", ".join("never" if s is None else f"{s:.1f} s" for s in seconds) + of_errors(errors), flush=True)
    return {"from": 1, "to": STEP_TO, "best": best, "goals_rps": goals_rps, "rounds_s": seconds, "errors": errors,
            "reached_s": statistics.median(reached) if len(reached) == len(seconds) else None}


# --- The group ---


def of_profile(profile: Profile, effort: Effort) -> tuple[list[dict], list[dict], dict]:
    rows, unmet = [], []
    with box(profile.name) as network:
        network.simulate(WORKERS, TIMES)
        sweep = Sweep(network, profile, effort)
        sweep.double()
        for configuration in profile.met:
            best = sweep.refine(TARGETS_US[configuration])
            rows.append(compare(network, profile, configuration, best, effort))
            print_row(rows[-1])
        most = max(point.rps for point in sweep.points.values())
        for configuration in profile.unmet:
            callers = offered(sweep.best(None))
            result = adaptive(network, configuration, callers, profile, effort.round_s)
            unmet.append({"profile": profile.name, "configuration": configuration, **result,
                          "ratio_to_most": result["rps"] / most})
            print_unmet(unmet[-1])
    points = {c: {"rps": p.rps, "p999_us": p.p999_us} for c, p in sorted(sweep.points.items())}
    return rows, unmet, points


def of_errors(errors: int) -> str:
    """What a line says where calls have failed, whose answers count as throughput."""
    return f", {errors} ERRORS" if errors > 0 else ""


def print_header() -> None:
    print(f"simulated service: {WORKERS} workers, {TIMES}: at most {CAPACITY_RPS:.0f} requests/s\n"
          f"{'':36} {'fixed':>6} {'req/s':>7} {'p99.9':>8}   {'limit':>6} {'req/s':>7} {'p99.9':>8}  ratio")


def print_row(row: dict) -> None:
    static, ours = row["static"], row["adaptive"]
    note = "" if row["is_within_target"] else "  OVER ITS TARGET"
    note += ", which it says it cannot meet" if row["is_target_unmet"] else ""
    note += of_errors(row["errors"])
    print(f"{row['row']:36} {static['concurrency']:6} {static['rps']:7.0f} {static['p999_us'] / 1000:6.2f}ms   "
          f"{ours['limit']:6.0f} {ours['rps']:7.0f} {ours['p999_us'] / 1000:6.2f}ms  {row['ratio']:.2f} "
          f"({row['ratio_range'][0]:.2f}-{row['ratio_range'][1]:.2f}){note}", flush=True)


def print_unmet(row: dict) -> None:
    said = "says" if row["is_target_unmet"] else "DOES NOT SAY"
    print(f"{row['profile']}, {row['configuration']}: {said} that its target cannot be met; limit {row['limit']}, "
          f"{row['ratio_to_most']:.2f} of the most throughput{of_errors(row['errors'])}", flush=True)


def print_course(row: dict) -> None:
    parts = []
    for name, phase in row["course"]["settled"].items():
        after = "NOT SETTLED" if phase["after_s"] is None else f"{phase['after_s']:.0f} s"
        if phase["after_s"] is not None and phase["after_s"] > phase["allowed_s"]:
            after += " (LATE)"
        parts.append(f"{name}: {after} (limit {phase['limit']:.1f}, {phase['rps']:.0f}/s, "
                     f"{phase['p999_us'] / 1000:.1f} ms)")
    print(f"{row['row']:36} {'; '.join(parts)}{of_errors(row['course']['errors'])}", flush=True)


def networks(effort: Effort = FULL) -> dict:
    rows, unmet, sweeps = [], [], {}
    print_header()
    with ThreadPoolExecutor(effort.profiles_at_once) as lanes:
        done = list(lanes.map(lambda profile: of_profile(profile, effort), PROFILES))
    for profile, (its_rows, its_unmet, sweeps[profile.name]) in zip(PROFILES, done):
        rows += its_rows
        unmet += its_unmet
    print("\nseconds until the limit has settled, by what changed")
    by_name = {profile.name: profile for profile in PROFILES}
    with ThreadPoolExecutor(effort.courses_at_once) as lanes:
        courses = lanes.map(lambda row: follow(by_name[row["profile"]], row["configuration"],
                                               row["static"]["concurrency"], effort), rows)
        for row, course in zip(rows, courses):
            row["course"] = course
            print_course(row)
    in_region = next(row for row in rows if row["row"] == "in-region, in-region-default")
    return {"workers": WORKERS, "times": TIMES, "rows": rows, "unmet": unmet, "sweeps": sweeps,
            "step": step(in_region["static"]["concurrency"], effort), **clients(effort.rounds, effort.round_s)}
