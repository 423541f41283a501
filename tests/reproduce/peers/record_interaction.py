"""Writes `interaction_probes.json`: what the code of the CVPR 2025 interactive evaluation, of
RadioActive and of MedSAM2 makes of small made volumes (`made.py`).

    SAM4MIS_PEERS=<check-outs> python tests/reproduce/peers/record_interaction.py

Their lines are run as they stand, taken out of their files: JunMa11/CVPR-MedSegFMCompetition @
748e862d CVPR25_iter_eval.py, MIC-DKFZ/radioactive @ 17963868 and bowang-lab/MedSAM2 @ 332f30d4.
Needs cc3d, scikit-image and scipy.
"""

from __future__ import annotations

import ast
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cc3d
import numpy as np
from scipy import integrate
from scipy.interpolate import interp1d
from scipy.ndimage import distance_transform_edt
from scipy.spatial import cKDTree
from skimage.measure import label

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from made import made_volumes  # noqa: E402 - a file beside this folder
from record_prompts import definitions  # noqa: E402 - beside this file

PEERS = Path(os.environ["SAM4MIS_PEERS"])
CVPR25 = PEERS / "JunMa11+CVPR-MedSegFMCompetition@748e862d" / "CVPR25_iter_eval.py"
BOXES = CVPR25.with_name("get_boxes.py")
RADIOACTIVE = PEERS / "MIC-DKFZ+radioactive@17963868" / "src/radioa/prompts"
MEDSAM2 = PEERS / "bowang-lab+MedSAM2@332f30d4" / "medsam2_infer_CT_lesion_npz_recist.py"


def lines(path: Path, wanted: Any, **given: Any) -> dict[str, Any]:
    """Run the first statement of a file for which `wanted` says so."""
    node = next(n for n in ast.walk(ast.parse(path.read_text("utf-8"))) if wanted(n))
    exec(compile(ast.Module([node], []), str(path), "exec"), given)
    return given


def cvpr25_clicks(gts: np.ndarray, segs: np.ndarray) -> list[dict[str, Any]]:
    torch = SimpleNamespace(cuda=SimpleNamespace(is_available=lambda: False))
    names = ("compute_edt", "sample_coord")
    found = definitions(
        str(CVPR25), *names, np=np, torch=torch, distance_transform_edt=distance_transform_edt
    )
    clicks: list[dict[str, Any]] = [{"fg": [], "bg": []}]

    def is_loop(node: ast.AST) -> bool:
        return isinstance(node, ast.For) and ast.unparse(node.target) == "(ind, cls)"

    lines(
        CVPR25,
        is_loop,
        np=np,
        cc3d=cc3d,
        unique_gts=np.array([0, 1]),
        segs=segs.astype(np.uint8),
        gts=gts.astype(np.uint8),
        clicks_cls=clicks,
        clicks_order=[[]],
        verbose=False,
        **{name: found[name] for name in names},
    )
    (side,) = (name for name in clicks[0] if clicks[0][name])
    return [{"place": [int(v) for v in clicks[0][side][0]], "label": int(side == "fg")}]


def cvpr25_box(gt: np.ndarray) -> dict[str, list[int]]:
    """Its solid box for every number that the box of the middle plane may grow by."""
    made = {}
    for shift in range(6):
        fixed = SimpleNamespace(randint=lambda low, high, size, shift=shift: [shift])
        numpy = SimpleNamespace(**{n: getattr(np, n) for n in ("where", "min", "max", "unique")})
        numpy.random, numpy.array = fixed, np.array
        names = ("mask2D_to_bbox", "mask3D_to_bbox")
        box = definitions(str(BOXES), *names, np=numpy)["mask3D_to_bbox"](gt, "")
        made[str(shift)] = [
            int(box[f"z_m{end}"] if axis == "z" else box[f"z_mid_{axis}_m{end}"])
            for end in ("in", "ax")
            for axis in "zyx"
        ]
    return made


def radioactive(gt: np.ndarray) -> dict[str, Any]:
    class Step:
        def __init__(self, point_prompts: Any = None, box_prompts: Any = None) -> None:
            self.boxes = box_prompts
            self.coords = None if point_prompts is None else np.atleast_2d(point_prompts[0])
            self.labels = None if point_prompts is None else np.array(point_prompts[1])

    utils = definitions(
        str(RADIOACTIVE / "prompt_utils.py"),
        *["get_seed_boxes", "box_interpolation", "point_interpolation", "interpolate_points"],
        *["get_fg_points_from_cc_centers", "get_fg_point_from_cc_center", "get_n_largest_CCs"],
        *["get_2d_bbox_of_gt_slice", "get_nearest_fg_point", "_get_bbox2d_row_major"],
        *["get_actual_indices_of_selected_indices", "get_bbox3d_sliced", "_get_bbox3d"],
        np=np, label=label, cKDTree=cKDTree, interp1d=interp1d, PromptStep=Step,
    )  # fmt: skip
    solid = definitions(
        str(RADIOACTIVE / "prompt_3d.py"),
        *("get_bbox3d", "get_linearly_spaced_coords"),
        np=np,
        PromptStep=Step,
        Boxes3D=lambda low, high: [low, high],
    )
    gt = gt.astype(int)
    planes = np.flatnonzero(gt.any(axis=(1, 2)))
    found: dict[str, Any] = {
        "centres": [[int(v) for v in utils["get_fg_point_from_cc_center"](gt[s])] for s in planes],
        "solid": np.stack(solid["get_bbox3d"](gt))[:, ::-1].tolist(),
        "sliced": plain(utils["get_bbox3d_sliced"](gt).boxes),
    }
    for number in (3, 5, 10):
        few = min(number, len(planes))
        boxes = utils["box_interpolation"](utils["get_seed_boxes"](gt, few)).boxes
        points = utils["point_interpolation"](gt, few)
        found[f"boxes-{number}"] = plain(boxes)
        found[f"points-{number}"] = points.coords[:, ::-1].tolist()
        if number == 5:
            line = solid["get_linearly_spaced_coords"](points, 5)
            found["line"] = line.coords[:, ::-1].tolist()
    return found


def plain(boxes: dict[int, Any]) -> dict[str, list[int]]:
    return {str(int(plane)): [int(v) for v in box] for plane, box in sorted(boxes.items())}


def medsam2(diameter: np.ndarray) -> dict[str, Any]:
    names = ("get_diameter_bbox", "get_center_and_endpoints_from_recist")
    found = definitions(str(MEDSAM2), *names, np=np)
    return {
        "square": [int(v) for v in found["get_diameter_bbox"](diameter)],
        "three": found["get_center_and_endpoints_from_recist"](diameter).tolist(),
    }


def main() -> None:
    from reproduce.prompting.key_planes import key_plane
    from reproduce.prompting.lines import diameter

    rows = []
    for number, (mask, predicted) in enumerate(made_volumes()):
        line = np.zeros(mask.shape[1:], np.uint8)
        line[tuple(diameter(mask[key_plane(mask, "largest")]).T)] = 1
        rows.append(
            {
                "volume": number,
                "voxels": int(mask.sum()),
                "click": cvpr25_clicks(mask, predicted)[0],
                "first": cvpr25_clicks(mask, np.zeros_like(mask))[0],
                "box": cvpr25_box(mask),
                **radioactive(mask),
                **medsam2(line),
            }
        )

    def is_area(node: ast.AST) -> bool:
        return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "dsc_auc"

    curve = [0.1, 0.55, 0.7, 0.65, 0.8, 0.85]
    area = lines(CVPR25, is_area, np=np, integrate=integrate, dscs=curve, n_clicks=5)["dsc_auc"]
    document = {"area": {"dice": curve, "value": float(area)}, "volumes": rows}
    target = HERE.parent / "interaction_probes.json"
    text = json.dumps(document, separators=(", ", ": "))
    target.write_text(text.replace('{"volume"', '\n{"volume"') + "\n", "utf-8")


if __name__ == "__main__":
    main()
