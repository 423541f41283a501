"""`sam4mis doctor --sample`: facts to check by hand, and what came of it."""

from __future__ import annotations

import datetime

from catalog.cli.output import counted, say, table, write_json
from catalog.errors import UsageError
from catalog.registry import Registry


def audit(
    registry: Registry, number: int, seed: int, outcomes: list[str], *, dry_run: bool, json: bool
) -> None:
    """Draw facts (or show those drawn with this seed), record outcomes, tell the rate."""
    from catalog import auditing
    from catalog.files import write_whole
    from catalog.records import to_builtins
    from catalog.yaml_out import dump

    if number < 1:
        raise UsageError(f"--sample {number}: expected 1 or more")
    audits = auditing.load(registry.root)
    name = next((n for n, found in audits.items() if found.seed == seed and found.facts), None)
    if name is None:
        today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
        name = f"{today}-seed-{seed}"
        facts = auditing.drawn(registry, number, seed)
        audits[name] = auditing.Audit(date=today, seed=seed, facts=facts)
    one = auditing.recorded(audits[name], outcomes)
    place = f"{auditing.FOLDER}/{name}.yaml"
    if json:
        write_json(to_builtins(one))
    else:
        rows = [
            (n, fact.outcome, fact.record, fact.field, fact.value, "; ".join(fact.sources[:3]))
            for n, fact in enumerate(one.facts, 1)
        ]
        table(("", "outcome", "record", "field", "value", "read in"), rows, "value", "read in")
    if not dry_run:
        path = registry.root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, dump(to_builtins(one), width=1000).encode())
    checked, wrong = one.counts
    say(f"{place}: {checked} of {counted(len(one.facts), 'fact')} checked, {wrong} not right")
    if checked < len(one.facts):
        again = f"sam4mis doctor --sample {number} --seed {seed}"
        say(f"{again} --outcome '1=right' --outcome '2=wrong: ...'")
    if rate := auditing.rate(audits.values()):
        share = f"{100 * rate.value:.1f} %, {100 * rate.low:.1f} to {100 * rate.high:.1f} %"
        say(f"all audits: {rate.wrong} of {rate.checked} wrong ({share})")
