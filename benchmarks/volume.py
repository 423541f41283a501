"""A large volume with many targets, asked in five rounds: what the core takes beside the model.

A made CT (400 planes of 512x512, 13 organs, 16 bits, NIfTI) is read, prompted, asked and counted as
`run` does it, in a process of its own, with two small real models: the network of SAM-Med3D with
two narrow blocks and seeded weights, which takes volumes whole, and the self-test's SAM, asked
plane by plane. `core_s` is the processor time outside the models' methods, `model_s` inside;
`peak_mib` is the resident peak less what the process had with packages and model loaded: all that
the core holds, the volume itself and the model's activations included.

`python -m benchmarks volume` writes `results/volume.json`. Linux only: /proc/self/clear_refs.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import ROOT, machine, write
from benchmarks.memory import resident_mib

SHAPE, SMALL = (400, 512, 512), (60, 128, 128)
TARGETS = 13
SPACING_MM = (1.5, 0.8, 0.8)
LIMIT_MIB = 6 * 1024
SCENARIOS = {
    "volume": ("SAM-Med3D's network, small: clicks in 3D, 5 rounds", "clicks-3d-5-random"),
    "planes": ("the self-test's SAM plane by plane: clicks, 5 rounds", "clicks-5-random"),
}


def run(say: Callable[[str], None], quick: bool) -> dict[str, Any]:
    """Measure both; write the results unless `quick`, which takes a small volume."""
    scenarios: dict[str, Any] = {}
    for name, (title, _) in SCENARIOS.items():
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.volume", name]
        done = subprocess.run(
            [*command, *(["small"] if quick else [])],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            check=True,
        )
        found = json.loads(done.stdout)
        scenarios[name] = {"title": title, "contenders": {"sam4mis": found}}
        parts = f"core {found['core_s']} s, model {found['model_s']} s"
        say(f"{name}: {parts}, {found['peak_mib']} MiB")
    document = {
        "title": f"A made CT of {'x'.join(map(str, SMALL if quick else SHAPE))}, "
        f"{TARGETS} targets, five rounds",
        "limit_mib": LIMIT_MIB,
        "scenarios": scenarios,
        "machine": machine(),
    }
    if not quick:
        write("volume", document)
    return document


def made(folder: Path, shape: tuple[int, int, int]) -> None:
    """Thirteen ellipsoids in noise, some touching, as nnU-Net has them."""
    import nibabel

    rng = np.random.default_rng(0)
    image = rng.integers(-80, 80, shape, np.int16)
    labels = np.zeros(shape, np.uint8)
    axes = [np.arange(n, dtype=np.float32) for n in shape]
    for number in range(1, TARGETS + 1):
        middle = [float(rng.uniform(0.25, 0.75)) * n for n in shape]
        half = [float(rng.uniform(0.06, 0.2)) * n for n in shape]
        places = zip(axes, middle, half, strict=True)
        z, y, x = (((a - m) / h) ** 2 for a, m, h in places)
        inside = z[:, None, None] + y[:, None] + x < 1
        labels[inside] = number
        image[inside] += np.int16(40 * number)
    affine = np.diag([*SPACING_MM[::-1], 1.0])
    for name, values in (("imagesTr", image), ("labelsTr", labels)):
        (folder / name).mkdir()
        stored: Any = nibabel.Nifti1Image(values.transpose(2, 1, 0), affine)
        nibabel.save(stored, folder / name / "made.nii.gz")


class Clock:
    """Processor seconds spent in a model's methods, looked at from outside."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def timed(self, call: Callable[[], Any]) -> Any:
        begun = time.process_time()
        try:
            return call()
        finally:
            self.seconds += time.process_time() - begun

    def watch(self, model: Any) -> None:
        """Time `encode` and `predict` of a plane model; `open`, `ask` and planes of another."""
        from reproduce.contracts import StackModel

        if not isinstance(model, StackModel):
            for name in ("encode", "predict"):
                self._wrap(model, name)
            return
        opened = model.open
        model.open = lambda sample: _Session(self, self.timed(lambda: opened(sample)))

    def _wrap(self, model: Any, name: str) -> None:
        method = getattr(model, name)
        setattr(model, name, lambda *given: self.timed(lambda: method(*given)))


class _Session:
    def __init__(self, clock: Clock, session: Any) -> None:
        self.clock, self.session = clock, session
        self.forget = session.forget

    def ask(self, prompts: Sequence[Any]) -> _Answer:
        return _Answer(self.clock, self.clock.timed(lambda: self.session.ask(prompts)))


class _Answer:
    def __init__(self, clock: Clock, answer: Any) -> None:
        self.clock, self.answer = clock, answer

    def planes(self, grid: Any) -> Iterator[Any]:
        found = iter(self.answer.planes(grid))
        while (one := self.clock.timed(lambda: next(found, None))) is not None:
            yield one


def models() -> Mapping[str, Callable[[], tuple[Any, str]]]:
    """name -> the model and its adapter's name."""

    def volume() -> tuple[Any, str]:
        from medim.models.sam_med3d import build_sam3D_vit_b_ori

        from reproduce.adapters.sam_med3d import PLUGIN

        net = build_sam3D_vit_b_ori(
            encoder_embed_dim=48,
            encoder_depth=2,
            encoder_num_heads=2,
            encoder_global_attn_indexes=[1],
            prompt_embed_dim=48,
        )
        import torch

        torch.manual_seed(0)
        state = {
            name: torch.randn_like(tensor) * 0.05 if tensor.is_floating_point() else tensor
            for name, tensor in net.state_dict().items()
        }
        return PLUGIN.build(state, {}, "cpu", "float32"), "sam-med3d"

    def planes() -> tuple[Any, str]:
        from safetensors.torch import load_file

        from reproduce.adapters.sam import PLUGIN
        from reproduce.selftest.running import WEIGHTS

        return PLUGIN.build(load_file(WEIGHTS), {"multimask": "single"}, "cpu", "float32"), "sam"

    return {"volume": volume, "planes": planes}


def measure(name: str, shape: tuple[int, int, int]) -> dict[str, Any]:
    """One scenario, in this process."""
    import nibabel  # noqa: F401 - packages before the baseline
    import scipy.ndimage  # noqa: F401
    import torch

    from reproduce.asking.loop import Evaluator
    from reproduce.asking.prompt_grid import bring_of
    from reproduce.asking.replay import by_case, make_prompts
    from reproduce.ground.plugins import plugin
    from reproduce.runs.spec import CaseInput, RunSpec
    from reproduce.statistics import StatisticsBuilder

    torch.set_num_threads(1)
    model, adapter = models()[name]()
    asked = plugin("prompts", SCENARIOS[name][1])
    dataset = plugin("datasets", "volumes")
    options = {"values": "stored" if name == "volume" else "uint8", "window": [-160, 600]}
    with tempfile.TemporaryDirectory() as place:
        made(Path(place), shape)
        cases = dataset.cases(Path(place), "train", options)
        bring = bring_of(plugin("adapters", adapter), {}, "model_input")
        spec = RunSpec(
            kind="selftest",
            project="b",
            title="",
            claims=[],
            adapter=adapter,
            adapter_version=1,
            adapter_options={},
            checkpoints=[],
            dataset="volumes",
            dataset_version=1,
            dataset_options=options,
            split="train",
            cases=[CaseInput(id="made", files={})],
            prompt_profile=asked.name,
            prompt_sha256=None,
            seeds=[0],
            rounds=asked.rounds,
            grid="original",
        )
        clock = Clock()
        clock.watch(model)
        Path("/proc/self/clear_refs").write_text("5")
        baseline = resident_mib("VmRSS")
        begun, wall = time.process_time(), time.perf_counter()
        prompts = make_prompts(dataset, options, cases, asked, [0], bring=bring)
        prompted = time.process_time() - begun
        builder = StatisticsBuilder()
        later: list[Any] = []  # a worker keeps the prompts of later rounds until its shard is done
        evaluator = Evaluator(
            spec, dataset, model, asked, by_case(prompts), bring=bring, on_prompts=later.extend
        )
        done = evaluator.evaluate(cases, builder)
        total = time.process_time() - begun
        rows = builder.table().num_rows
    assert not done.failed, done.failed
    return {
        "wall_s": round(time.perf_counter() - wall, 1),
        "cpu_s": round(total, 1),
        "core_s": round(total - clock.seconds, 1),
        "model_s": round(clock.seconds, 1),
        "prompts_s": round(prompted, 1),
        "peak_mib": round(resident_mib("VmHWM") - baseline),
        "rows": rows,
    }


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], SMALL if "small" in sys.argv[2:] else SHAPE)))
