"""A folder as users have it, small and whole, and a line for every command that works in it."""

from __future__ import annotations

import datetime
import json
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

import yaml

from .commands import BIB, LIST, ROOT

PHANTOMS = "selftest/phantom-dice"
TODAY = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
(RUN,) = [path.name for path in (ROOT / "reproduce/results").glob("lwnet-5332*")]
FORM = "\n\n".join(
    f"### {label}\n\n{answer}"
    for label, answer in {
        "Claim": "lwnet/validation-dice",
        "What is wrong": "The split is another one.",
        "Evidence": "https://github.com/agaldran/lwnet",
    }.items()
)

# Lines that leave what other lines read, by a word of those.
MADE = {
    "night.json": ["reproduce", "plan", "selftest", "--write", "night.json"],
    "--sample": ["doctor", "--sample", "3", "--seed", "7"],
}

# Files that an attack damages: those that are always read, and those that lines name.
ALWAYS = (
    "papers.yaml", "projects/selftest.yaml", "projects/lwnet.yaml", "catalog/data/screening.yaml",
    "config.toml", f"reproduce/results/{RUN}/result.json", "reproduce/results/verdicts.json",
    f"reproduce/results/{RUN}/statistics.parquet", "reproduce/results/profiles.json",
    "reproduce/results/datasets.json", f"catalog/audits/{TODAY}-seed-7.yaml",
)  # fmt: skip
FILES = (
    "a.bib", "works.yaml", "list.md", "form.md", "boxes.csv", "points.csv", "coco.json",
    "groups.csv", "scores.csv", "plane.py", "w.safetensors", "night.json", "dataset.json",
    "labelsTr/v.nii.gz", "scans/v_0000.nii.gz", "eyes/images/p0.png", "eyes/masks/p0.png",
    "eyes/masks/labels.json", "ct/0.dcm", "ct/3.dcm", "seg/a.dcm", "npz/n.npz", "made.zip",
)  # fmt: skip

# Beginnings that several lines have.
BEGIN = {
    "predict": "reproduce predict plane-example --plugin plane.py --checkpoint w.safetensors"
    " --out found",
    "trial": "reproduce run selftest --dataset folder --data eyes/images --reference eyes/masks"
    " --checkpoint phantom.safetensors --out runs",
    "run": f"reproduce run {PHANTOMS}",
    "score": "reproduce score eyes/masks --reference eyes/masks",
}
_LINES = f"""
check
search medsam
find --modality ct --prompt box --memory 16
find --compare lwnet --compare lwnet
list papers --year 2024-
list claims --project lwnet
show lwnet
stats --by modality
add a.bib --yes
add a.bib --dry-run --different a
export --format csv --output out.csv
export --query medsam
import works.yaml
import list.md --from o/n@{"c" * 40}:README.md --section Medical
doctor --sample 3 --seed 7 --outcome "1=wrong: 2024"
doctor --only C,U --format json
doctor --fix
refresh --dry-run medsam-3 --source arxiv
discover --evaluate works.yaml
screen 2611.00011 --include --reason in-scope --note yes
intake-form form.md --apply --title title
build --no-site
build --readme-only
config
serve --no-build --port 0
reproduce list runs
reproduce list claims --state reproduced
reproduce plan selftest --budget 8h --memory 24GiB --write new.json
run: --limit 2 --checkpoint phantom.safetensors --out runs
run: --dry-run --set grid=original --prompts box-tight/1
reproduce run --plan night.json --dry-run
trial: --groups groups.csv --metric dice
trial: --with plane-example=w.safetensors --plugin plane.py --prompts box-tight/1
predict: --images eyes/images --boxes boxes.csv
predict: --images eyes/images --boxes coco.json
predict: --images scans --boxes labelsTr
predict: --images ct --boxes boxes.csv --window -1000,1000
predict: --images npz --boxes boxes.csv
reproduce rerun {RUN} --dry-run
reproduce verify
reproduce recompute sammed-domains --from eyes --check
reproduce rows scores.csv --printed 87.2 --column dice --key case
reproduce show {PHANTOMS}
reproduce show {RUN}
score: --csv s.csv --html s.html --groups groups.csv
score: --dry-run --label 1=lesion --spacing 0.4 --metric nsd
reproduce score seg --reference seg
reproduce score labelsTr --reference labelsTr --html s.html
reproduce explain lwnet/validation-dice --target 0.8162 --depth 1
reproduce letter lwnet/validation-dice --run {RUN}
reproduce profiles --check
reproduce datasets --check
reproduce selftest --out self
reproduce doctor selftest
reproduce fetch selftest --dry-run
reproduce fetch --plan night.json --dry-run
reproduce fetch-data drive --archive made.zip --to drive
reproduce cache --clear downloads
reproduce plugin new mine --shape image --out mine.py
reproduce plugin check plane.py --checkpoint w.safetensors
"""


def _words(line: str) -> list[str]:
    begin, colon, rest = line.partition(": ")
    return shlex.split(f"{BEGIN[begin]} {rest}" if colon and begin in BEGIN else line)


LINES = tuple(_words(line) for line in _LINES.strip().splitlines())


def desk(folder: Path) -> None:
    """Make it."""
    import safetensors.torch
    import torch

    from reproduce.selftest.running import WEIGHTS

    (folder / "projects").mkdir(parents=True)
    papers = (ROOT / "papers.yaml").read_bytes()[:12_000]
    (folder / "papers.yaml").write_bytes(papers[: papers.rindex(b"\n  - id:") + 1])
    known = {
        paper["id"]
        for paper in yaml.safe_load((folder / "papers.yaml").read_text("utf-8"))["papers"]
    }
    for slug in ("selftest", "lwnet"):
        text = (ROOT / "projects" / f"{slug}.yaml").read_text("utf-8")
        project = yaml.safe_load(text)
        if known.issuperset(project.get("papers", [])):
            (folder / "projects" / f"{slug}.yaml").write_text(text, "utf-8")
            continue
        project["papers"] = []
        (folder / "projects" / f"{slug}.yaml").write_text(yaml.safe_dump(project, sort_keys=False))
    for part in ("catalog/data", "catalog/decisions", "site"):
        shutil.copytree(ROOT / part, folder / part)
    shutil.copy(ROOT / "README.md", folder)
    results = folder / "reproduce" / "results"
    results.mkdir(parents=True)
    for name in ("profiles.json", "datasets.json", "verdicts.json", "verdict-log.json"):
        shutil.copy(ROOT / "reproduce" / "results" / name, results)
    shutil.copytree(ROOT / "reproduce" / "results" / RUN, results / RUN)
    _texts(folder)
    tensors = {"weight": torch.tensor([0.1]), "bias": torch.tensor([-10.0])}
    safetensors.torch.save_file(tensors, folder / "w.safetensors")
    shutil.copy(ROOT / "reproduce" / "templates" / "plane_example.py", folder / "plane.py")
    shutil.copy(WEIGHTS, folder / "phantom.safetensors")
    _images(folder)


def _texts(folder: Path) -> None:
    (folder / "a.bib").write_bytes(BIB)
    (folder / "works.yaml").write_text(yaml.safe_dump(LIST))
    (folder / "list.md").write_text(
        "# Lists\n\n## Medical\n\n- [Polyps by SAM 2](https://arxiv.org/abs/2611.00021), A. B., "
        "2026 [code](https://github.com/o/n)\n| Liver by SAM | [paper](https://doi.org/10.1/x) |\n"
    )
    (folder / "form.md").write_text(FORM)
    queued = {"title": "Lung by SAM", "authors": ["A B"], "id": "lung", "authors_complete": True}
    queued |= {"versions": [{"kind": "preprint", "ids": {"arxiv": "2611.00011"}, "cite": True}]}
    queued |= {"inclusion": {"decision": "undecided", "reason": "found"}}
    document = {"searches": [], "lists": [], "queue": [{"record": queued, "found": "2026-11-29"}]}
    (folder / "catalog/data/screening.yaml").write_text(yaml.safe_dump(document))
    (folder / "config.toml").write_text('[limits]\nfile_gib = 2\n[folders]\ndata = "~/data"\n')
    (folder / "boxes.csv").write_text(
        "image,label,x0,y0,x1,y1,z\np0,lesion,8,3,90,97,0\np2.png,lesion,1,2,30,40,\n"
        "v,organ,2,3,5,6,2\nn,x,0,0,5,5,1\nct,x,2,3,6,9,3\n"
    )
    (folder / "points.csv").write_text(
        "image,x,y,label,positive\np0,50,60,lesion,1\np0,1,1,lesion,0\n"
    )
    box = {"id": 1, "image_id": 7, "category_id": 3, "bbox": [8, 3, 70, 80], "iscrowd": 0}
    coco = {"images": [{"id": 7, "file_name": "p0.png", "width": 128, "height": 128}]}
    coco |= {"categories": [{"id": 3, "name": "lesion"}], "annotations": [box]}
    (folder / "coco.json").write_text(json.dumps(coco))
    (folder / "groups.csv").write_text("case,patient,site\np0,1,left\np2,1,right\n")
    (folder / "scores.csv").write_text(
        "case,class,dice\n"
        + "".join(f"c{i},{'ab'[i % 2]},0.{70 + i}\n" for i in range(12))
        + "x,a,\n"
    )
    labels = {"background": 0, "organ": 1, "tumour": [1, 2]}
    nnunet = {"labels": labels, "channel_names": {"0": "CT"}, "regions_class_order": [1, 2]}
    (folder / "dataset.json").write_text(json.dumps(nnunet))


def _images(folder: Path) -> None:
    import io
    import zipfile

    import nibabel
    import numpy as np
    from PIL import Image

    from reproduce.datasets.phantoms import phantom

    for part in ("eyes/images", "eyes/masks", "scans", "labelsTr", "ct", "seg", "npz"):
        (folder / part).mkdir(parents=True)
    for number in (0, 2):
        image, masks = phantom(number, 128)
        Image.fromarray(image).save(folder / f"eyes/images/p{number}.png")
        Image.fromarray(masks["lesion"].astype(np.uint8)).save(folder / f"eyes/masks/p{number}.png")
    (folder / "eyes/masks/labels.json").write_text('{"1": "lesion"}')
    values = np.zeros((12, 10, 6), np.uint8)
    values[2:8, 3:7, 1:5] = 200
    affine = np.diag([-1.0, -2.0, 3.0, 1.0])

    def volume(name: str, voxels: Any) -> None:
        nibabel.save(nibabel.Nifti1Image(voxels, affine), folder / name)  # type: ignore[no-untyped-call]

    volume("scans/v_0000.nii.gz", values)
    volume("labelsTr/v.nii.gz", (values > 0).astype(np.uint8))
    np.savez(folder / "npz/n.npz", imgs=np.full((3, 20, 24), 200, np.uint8))
    sys.path.append(str(ROOT / "tests" / "reproduce"))
    import made_dicom

    stored = made_dicom.values()
    for number, path in enumerate(made_dicom.write_series(folder / "series", stored)):
        path.rename(folder / f"ct/{number}.dcm")
    (folder / "series").rmdir()
    files = [folder / f"ct/{number}.dcm" for number in range(len(stored))]
    made_dicom.write_segmentation(folder / "seg/a.dcm", files, {"organ": stored > 0})
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("training/images/21_training.tif", b"x")
    (folder / "made.zip").write_bytes(packed.getvalue())
