"""TIO-IKIM/CellViT: `CellViTSAM` with the release's normalisation: its map of nuclei, and nuclei
told apart by its post-processing."""

import sys
from types import SimpleNamespace

import albumentations
import numpy as np
import torch
from authors import REAL, Answers, probe_of, weights
from PIL import Image

# numba: the functions as they are written
sys.modules["numba"] = SimpleNamespace(
    njit=lambda *given, **_: given[0] if given else (lambda function: function), prange=range
)
from models.segmentation.cell_segmentation.cellvit import CellViTSAM  # noqa: E402

answers = Answers("cellvit")
network = CellViTSAM(None, num_nuclei_classes=6, num_tissue_classes=19, vit_structure="SAM-H")
network.load_state_dict(weights("cellvit"))
network.eval()
PATH = REAL / "biomedparse" / "demo" / "18_pathology_colon.png"
image = np.asarray(Image.open(PATH).convert("RGB").crop((0, 0, 256, 256)))
normal = albumentations.Normalize(mean=(0.5,) * 3, std=(0.5,) * 3)(image=image)["image"]
pixels = torch.from_numpy(normal.transpose(2, 0, 1).copy())[None].float()


def told(shift: float) -> dict[str, torch.Tensor]:
    """The authors' maps, a nucleus' logit so much larger."""
    with torch.no_grad():
        found = network(pixels)
    found["nuclei_binary_map"][:, 1] += shift
    return found


found = told(0)
binary = found["nuclei_binary_map"]
answers.add(
    "none",
    f"{PATH.name} (256x256)",
    image,
    (binary[0, 1] - binary[0, 0])[None],
    input=pixels[0],
    label_map=binary[0].argmax(0),
    take="logits",
    options={"answers": "map"},
    **probe_of(PATH, "rgb 256x256"),
)
answers.add(
    "maps of distances and types",
    f"{PATH.name} (256x256)",
    image,
    torch.cat([found["hv_map"], found["nuclei_type_map"]], 1)[0],
    take="class logits",
    options={"answers": "types"},
)
# Random weights find no nucleus: its logit is lifted until half of the pixels are one.
SHIFT = -float((binary[0, 1] - binary[0, 0]).median())
for magnification in (40, 20):
    found = told(SHIFT)
    for name in ("nuclei_binary_map", "nuclei_type_map"):
        found[name] = found[name].softmax(1)
    numbers, types = network.calculate_instance_map(found, magnification)
    answers.add(
        "nuclei told apart",
        f"{PATH.name} (256x256)",
        image,
        network.generate_instance_nuclei_map(numbers, types)[0, 1:],
        take="objects",
        options={"answers": "types", "magnification": magnification},
        shift={"nuclei_binary_map_decoder.decoder0_header.2.bias": [0.0, SHIFT]},
    )
answers.write()
