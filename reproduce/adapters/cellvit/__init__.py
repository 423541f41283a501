"""CellViT-SAM-H (Hoerst et al. 2023): which pixels are nuclei, in stained tissue; no prompt."""

from reproduce.contracts import Conduct
from reproduce.models.declaring import DeclaredAdapter

PLUGIN = DeclaredAdapter(
    name="cellvit",
    version=1,
    title="CellViT-SAM-H (its map of nuclei)",
    papers=("2306.15350",),
    source=(
        "TIO-IKIM/CellViT @ 05097e18e3d194a65121042f631b5753069f5ee3 models/segmentation/"
        "cell_segmentation/cellvit.py: CellViTSAM, "
        "cell_segmentation/inference/inference_cellvit_experiment_pannuke.py"
    ),
    prompts=("none",),
    layouts=("model_state_dict", "flat"),
    builder="reproduce.adapters.cellvit.network:build",
    preprocessing=(
        "The image at its own size (PanNuke: 256 px at 40-fold magnification), values to -1 to 1; "
        "to the next multiple of 16 px filled up with white. A pixel is a nucleus where that class "
        "wins. Maps of directions and of types are loaded but not asked: nuclei are not told "
        "apart here, and what counts them (PQ) is missing."
    ),
    does=Conduct("cellvit-unit"),
    memory_mib={"vit_h": 2893},
    agreement=(
        "Compared with the authors' CellViTSAM on a real patch of 256 px, same seeded weights: "
        "largest logit difference 3.3e-07 (largest logit 0.26), largest Dice difference 0.0e+00."
    ),
)
