"""TIO-IKIM/CellViT: `CellViTSAM` with the release's normalisation, its map of nuclei."""

import albumentations
import numpy as np
import torch
from authors import REAL, Answers, never_called, probe_of, weights
from PIL import Image

never_called("cell_segmentation", "cell_segmentation.utils")
never_called("cell_segmentation.utils.post_proc_cellvit")
from models.segmentation.cell_segmentation.cellvit import CellViTSAM  # noqa: E402

answers = Answers("cellvit")
network = CellViTSAM(None, num_nuclei_classes=6, num_tissue_classes=19, vit_structure="SAM-H")
network.load_state_dict(weights("cellvit"))
network.eval()
PATH = REAL / "biomedparse" / "demo" / "18_pathology_colon.png"
image = np.asarray(Image.open(PATH).convert("RGB").crop((0, 0, 256, 256)))
normal = albumentations.Normalize(mean=(0.5,) * 3, std=(0.5,) * 3)(image=image)["image"]
pixels = torch.from_numpy(normal.transpose(2, 0, 1).copy())[None].float()
with torch.no_grad():
    found = network(pixels)["nuclei_binary_map"]
answers.add(
    "none",
    f"{PATH.name} (256x256)",
    image,
    (found[0, 1] - found[0, 0])[None],
    input=pixels[0],
    label_map=found[0].argmax(0),
    take="logits",
    **probe_of(PATH, "rgb 256x256"),
)
answers.write()
