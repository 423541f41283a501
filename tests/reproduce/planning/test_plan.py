"""`sam4mis reproduce plan`: what could be verified, from the registry alone, and its plan file."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from running_bundle import project_root
from typer.testing import CliRunner

from catalog.errors import InputError, PrerequisiteError, UsageError
from catalog.registry import Registry
from reproduce.ground import quantities
from reproduce.planning import rates
from reproduce.planning.campaign import Campaign, Left, Limits, Planned, campaign, within
from reproduce.planning.fitting import fitted, read_campaign
from reproduce.planning.recipes import Request, find_claims, group, recipe

NONE = Limits()


def planned(root: Path, *targets: str, limits: Limits = NONE) -> tuple[Campaign, list[Left]]:
    registry = Registry.load(root)
    chosen = [pair for target in targets for pair in find_claims(registry, target)]
    return campaign(registry, chosen, limits)


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """A registry with the self-test's project, changed, and nothing fetched."""
    monkeypatch.delenv("SAM4MIS_DATA", raising=False)
    return lambda **changes: project_root(tmp_path, monkeypatch, **changes)


def rewrite(root: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = root / "projects" / "selftest.yaml"
    document = yaml.safe_load(path.read_text("utf-8"))
    change(document)
    path.write_text(yaml.safe_dump(document, sort_keys=False))


def test_a_plan_knows_the_classes_that_a_claim_merges(root: Path) -> None:
    """MA-SAM has one class for both adrenal glands, BTCV has two."""
    made, _ = planned(root, "ma-sam/btcv-average", "ma-sam/btcv-ag")
    (run,) = made.runs
    assert run.classes == {"ma-sam/btcv-average": "C", "ma-sam/btcv-ag": "C"}


def test_a_claim_is_run_in_the_precision_that_it_names(root: Path) -> None:
    """As its record says, else in float32; what somebody asks for goes before both."""
    ((project, claim),) = find_claims(Registry.load(root), "selftest/phantom-dice")

    def taken(stated: object, asked: str | None = None) -> str:
        precision = msgspec.structs.replace(claim.protocol.precision, value=stated)
        protocol = msgspec.structs.replace(claim.protocol, precision=precision)
        changed = msgspec.structs.replace(claim, protocol=protocol)
        return recipe(project, changed, Request(precision=asked)).protocol.precision

    assert taken("bfloat16") == "bfloat16"
    assert taken(None) == "float32"
    assert taken("float16", "float32") == "float32"


def test_the_whole_registry_is_planned_without_torch(root: Path, tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from reproduce.cli.plan import app\n"
        "answer = CliRunner().invoke(app, ['--json'])\n"
        "assert answer.exit_code == 0, answer.exception\n"
        "assert not {'torch', 'scipy', 'cv2'} & set(sys.modules)\n"
        "print(answer.stdout)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    runs = found["campaign"]["runs"]
    named = [claim for run in runs for claim in run["claims"]]
    named += [item["claim"] for item in found["left"]] + found["answered"]
    claims = [
        f"{p.slug}/{c.id}"
        for p in Registry.load(root).projects
        if p.kind != "selftest"
        for c in p.claims
    ]
    assert sorted(named) == sorted(claims), "every claim once: in a run, left out, or answered"
    assert all(item["reason"] for item in found["left"])
    able = [run["value"] > 0 for run in runs]
    assert able == sorted(able, reverse=True), "what gives no verdict comes last"


def test_one_run_says_what_it_takes(own: Callable[..., Path]) -> None:
    root = own()
    made, left = planned(root, "selftest")
    (run,) = made.runs
    assert left == []
    assert run.classes == {"selftest/phantom-dice": "A"}
    assert (run.value, run.open, run.memory_mib) == (4, False, None)
    # No address is recorded for these weights: a person has to bring them.
    assert run.by_hand == ["download the checkpoint sam-phantom: no address is known"]
    assert (run.download_bytes, run.disk_bytes, run.sizes_unknown) == (1332476, 1332476, [])
    assert {one.says for one in run.licences} >= {"MIT", "CC0-1.0"}
    assert run.time.basis == "unknown", "no rate of this small network is declared"


def test_a_loss_is_refused_by_name(root: Path) -> None:
    """What the first list of checks has at rank 25: a loss that a script calls a Dice."""
    made, left = planned(root, "sam-lora/rings-loss-rank-4")
    assert made.runs == []
    assert [item.claim for item in left] == ["sam-lora/rings-loss-rank-4"]
    assert left[0].reason == (
        "verdict/2 has no margin for dice-ce-loss: it is no share between 0 and 1"
    )
    assert "A loss" in str(left[0].note)


def test_measured_goes_before_assumed_and_says_where(root: Path) -> None:
    registry = Registry.load(root)
    (lwnet,) = planned(root, "lwnet")[0].runs
    assert lwnet.time.basis == "measured"
    assert "cases/s of lwnet-" in lwnet.time.how
    assert lwnet.time.on == registry.results[0].environment["cpu"]
    items = [recipe(*pair, Request()) for pair in find_claims(registry, "samed/samed-synapse-dice")]
    assumed = rates.expected_time(items, registry.results)
    assert assumed.basis == "assumed"
    assert assumed.on == rates.rates().on
    assert assumed.hours == pytest.approx(1570 / 15 / 3600)
    like = registry.results[0]
    run = msgspec.structs.replace(
        like,
        run="samed-0",
        protocol={"adapter": f"samed/{items[0].adapter.version}", "dataset": "synapse"},
        environment={"gpu": "NVIDIA A100"},
        timing={"cases_per_s": 0.5},
    )
    measured = rates.expected_time(items, [run], n_cases=12)
    assert (measured.basis, measured.on) == ("measured", "NVIDIA A100")
    assert measured.hours == pytest.approx(12 / 0.5 / 3600)
    on_cpu = msgspec.structs.replace(run, environment={"gpu": None, "cpu": "slow"})
    assert rates.expected_time(items, [on_cpu]).basis == "assumed"


def test_rates_of_a_benchmark_on_a_card_go_before_assumed_ones(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = Registry.load(root)
    items = [recipe(*pair, Request()) for pair in find_claims(registry, "samed/samed-synapse-dice")]
    folder = tmp_path / "benchmarks" / "results"
    folder.mkdir(parents=True)
    for date, gpu, per_s in (("2026-11-01", "old card", 1.0), ("2026-11-28", "new card", 40.0)):
        measured = {
            "date": date,
            "machine": {"gpu": gpu, "cpu": "any"},
            "rates": [{"adapter": "samed", "checkpoints": [], "per_s": per_s}],
            "details": {},
        }
        (folder / f"gpu-{gpu[:3]}.json").write_bytes(msgspec.json.encode(measured))
    assert "not measured on a card" in rates.expected_time(items, []).how
    declared = rates.rates()
    monkeypatch.setattr(rates, "rates", lambda: declared)
    monkeypatch.setattr(rates.own, "path", lambda name: tmp_path / "catalog" / name)
    found = rates.expected_time(items, [])
    assert (found.basis, found.on) == ("measured", "new card")
    assert found.hours == pytest.approx(1570 / 40 / 3600)


def test_rates_name_adapters_checkpoints_and_data_sets_that_exist(root: Path) -> None:
    from reproduce.ground.plugins import plugins

    known = {c.id for p in Registry.load(root).projects for c in p.checkpoints or []}
    for rate in rates.rates().rates:
        assert rate.adapter in plugins("adapters")
        assert set(rate.checkpoints) <= known
    for size in rates.rates().sizes:
        assert size.split in plugins("datasets")[size.dataset].splits


def run_of(hours: float | None, disk: int, memory: int | None, unknown: bool = False) -> Planned:
    return Planned(
        claims={f"p/{hours}-{disk}-{memory}": "0" * 64},
        classes={},
        adapter="sam/1",
        dataset="d",
        split="all",
        checkpoints=[],
        time=rates.Time(hours=hours, basis="assumed"),
        download_bytes=disk,
        disk_bytes=disk,
        sizes_unknown=["x"] if unknown else [],
        memory_mib=memory,
        licences=[],
        by_hand=[],
        open=True,
        value=1,
        effort_h=hours,
    )


def test_limits_are_kept_run_after_run() -> None:
    runs = [run_of(3, 10, 100), run_of(6, 10, 100), run_of(5, 10, None), run_of(None, 0, 100)]
    kept, beside = within(runs, Limits(hours=8))
    assert [run.time.hours for run in kept] == [3, 5]
    assert [reason for _, reason in beside] == [
        "more than --budget leaves",
        "its length is unknown, so nobody can promise --budget",
    ]
    kept, beside = within(runs, Limits(memory_bytes=200 << 20))
    assert len(kept) == 3
    assert beside[0][1] == "memory is unknown, so nobody can promise --memory"
    kept, _ = within(runs, Limits(disk_bytes=20))
    assert [run.disk_bytes for run in kept] == [10, 10, 0]
    assert within(runs, Limits()) == (runs, [])


def test_a_plan_file_fits_until_the_registry_moves(own: Callable[..., Path]) -> None:
    root = own()
    made, _ = planned(root, "selftest")
    path = root / "night.json"
    path.write_bytes(msgspec.json.encode(made))
    assert read_campaign(path) == made
    ((run, members),) = fitted(Registry.load(root), path, made, Request())
    assert run == made.runs[0]
    assert len(group(members)) == 1
    rewrite(root, lambda p: p["claims"][0].update(note="another remark"))
    assert fitted(Registry.load(root), path, made, Request()), "a remark changes no run"
    for change, told in (
        (lambda p: p["claims"][0].update(value=99.99), "claim, checkpoint or plugin has changed"),
        (lambda p: p["checkpoints"][0].update(sha256="0" * 64), "claim, checkpoint or plugin has"),
        (lambda p: p["claims"][0].update(state="blocked", reason="dead-link"), "blocked (dead-li"),
        (lambda p: p["claims"][0].update(id="other"), "has no claim 'phantom-dice'"),
    ):
        before = (root / "projects" / "selftest.yaml").read_text("utf-8")
        rewrite(root, change)
        with pytest.raises(InputError) as caught:
            fitted(Registry.load(root), path, made, Request())
        assert told in str(caught.value)
        assert "sam4mis reproduce plan --write FILE" in str(caught.value)
        (root / "projects" / "selftest.yaml").write_text(before)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"{", "expected a plan file campaign/1"),
        (b'{"schema": "campaign/9"}', "campaign/9"),
        (b"\xff\xfe", "expected a plan file campaign/1"),
        (
            b'{"schema": "campaign/1", "created": "x", "harness": {}, "limits": {}, "runs": []}',
            "none",
        ),
    ],
)
def test_no_plan_file(content: bytes, told: str, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    with pytest.raises(PrerequisiteError, match="no such file"):
        read_campaign(path)
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_campaign(path)
    assert told in str(caught.value)


@pytest.mark.parametrize("text", ["8", "-8h", "0h", "h", "8 weeks", "infh", "8h8h"])
def test_amounts_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="--budget"):
        quantities.hours(text, "--budget")


def test_the_command_writes_a_plan_and_says_what_comes_next(
    own: Callable[..., Path], tmp_path: Path
) -> None:
    from reproduce.cli.plan import app

    own()
    file = tmp_path / "night.json"
    answer = CliRunner().invoke(app, ["selftest", "--write", str(file)])
    assert answer.exit_code == 0, answer.output
    assert f"sam4mis reproduce run --plan {file}" in answer.output
    assert "by hand\tdownload the checkpoint sam-phantom" in answer.output
    assert read_campaign(file).runs
    answer = CliRunner().invoke(app, ["selftest", "--open-only"])
    assert isinstance(answer.exception, InputError)
    assert "not open: download the checkpoint sam-phantom" in answer.output


def test_the_first_pairs_of_the_campaign(root: Path) -> None:
    """Ranks whose claims are in the registry are planned from it, with the list's own hours."""
    listed = root.parent / "shared" / "data" / "coverage" / "campaign.yaml"
    if not listed.is_file():
        pytest.skip("../shared/data/coverage is not on this machine")
    pairs = {pair["rank"]: pair for pair in yaml.safe_load(listed.read_text("utf-8"))["pairs"]}
    for rank, claim in (
        (1, "polyp-sam/etis-sam-l-dice"),
        (2, "samed/samed-synapse-dice"),
        (3, "samed/samed-h-synapse-dice"),
        (8, "ma-sam/btcv-spleen"),
    ):
        (run,) = planned(root, claim)[0].runs
        assert run.time.basis == "assumed"
        assert run.time.hours is not None
        # their hours are rounded up, with loading and checks
        assert 0.3 * pairs[rank]["gpu_hours"] < run.time.hours <= pairs[rank]["gpu_hours"]
    for rank, project in ((4, "medsam"), (5, "sam")):
        runs = [r for r in planned(root, project)[0].runs if r.dataset == "biomedparse"]
        assert sum(len(run.claims) for run in runs) == 112
        hours = sum(run.time.hours or 0 for run in runs)
        assert hours == pytest.approx(pairs[rank]["gpu_hours"], rel=0.05)


def test_every_pair_of_the_campaign_is_planned_or_refused_by_name(root: Path) -> None:
    """The 25 ranks, from the registry alone; what is refused says what its record knows of it."""
    can = (
        ["polyp-sam/etis-sam-l-dice", "samed/samed-synapse-dice", "samed/samed-h-synapse-dice"]
        + ["medsam/biomedparse-ct-abdomen-aorta", "sam/biomedparse-ct-abdomen-aorta"]
        + ["medsegx-code/example-isic2018-skin", "ma-sam/btcv-average", "sam2-unet/kvasir-mdice"]
        + [f"i-medsam/sessile{part}" for part in ("", "-384-to-128", "-384-to-896", "-to-cvc")]
        + [
            f"vista3d/table1-{row}-auto"
            for row in (
                "msd09-spleen",
                "msd06-lung-tumor",
                "msd07-pancreatic-tumor",
                "btcv-abdomen",
                "amos22",
                "totalsegv2",
            )
        ]
        + ["zap-2-5dsam/colon-dice", "promise/msd10-dice", "dapsam/riga-binrushed"]
        + ["gbt-sam/brats2023-ssa-dice", "medsegx-code/example-id-mean"]
    )
    cannot = {
        "sam2/sam2-comparison-msd09-spleen-sam2-with-background-removal": "no-support",
        "sam2/sam2-comparison-msd09-spleen-sam2-without-background-removal": "no-support",
        "sam-med3d/table4-amos-ct-1pt": "protocol-unknown",
        "medical-sam-bench/optic-cup-dice": "no-adapter",
        "medical-sam-bench/brain-tumor-dice": "no-adapter",
        "medlsam/structseg-han-medlam-medsam-average": "protocol-unknown",
    }
    made, left = planned(root, *can, *cannot, "nninteractive")
    reached = {claim: best for run in made.runs for claim, best in run.classes.items()}
    assert set(can) <= set(reached)
    # What polyp-sam prints is a mean over rows of pixels: it is measured, without a verdict.
    assert {claim for claim in can if reached[claim] == "D"} == {"polyp-sam/etis-sam-l-dice"}
    refused = {one.claim: one for one in left}
    assert not set(refused) & set(can)
    for claim, reason in cannot.items():
        assert refused[claim].reason == f"blocked ({reason})"
    for one in left:
        assert one.note, one.claim
        assert one.lifts, one.claim
    unknown = {claim for run in made.runs if run.time.hours is None for claim in run.claims}
    assert unknown <= {"sam2-unet/kvasir-mdice", "gbt-sam/brats2023-ssa-dice"}


def test_a_claim_that_was_named_is_refused_with_what_its_record_says(root: Path) -> None:
    from reproduce.cli.plan import app

    answer = CliRunner().invoke(app, ["medical-sam-bench"])
    assert isinstance(answer.exception, InputError)
    assert "2: blocked (no-adapter); lifted by: an adapter" in answer.stderr
    assert "the memory file in a form that opens safely" in answer.stderr


def test_volumes_are_timed_by_case(root: Path) -> None:
    (run,) = planned(root, "vista3d/table1-msd09-spleen-auto")[0].runs
    assert run.time.hours == pytest.approx(8 / 0.033 / 3600)
    assert run.time.how == "8 cases at 0.033 cases/s; not measured on a card"
