"""CellViT-SAM-H (Hoerst et al. 2023): nuclei in stained tissue, told apart; no prompt."""

from reproduce.contracts import Conduct, Option
from reproduce.models.declaring import DeclaredAdapter

PLUGIN = DeclaredAdapter(
    name="cellvit",
    version=2,
    title="CellViT-SAM-H",
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
        "wins; where the maps of distances jump, one nucleus ends and the next begins (a watershed "
        "from what lies off the jumps). A nucleus has the type of most of its pixels."
    ),
    does=Conduct("cellvit-unit", "cellvit-watershed", answers="label"),
    options={
        "answers": Option(
            "nuclei",
            "nuclei told apart; the same by their five types; or the map of nuclei as it is (Dice)",
            ("nuclei", "types", "map"),
            {
                "postprocessing": {"types": "cellvit-watershed", "map": "none"},
                "answers": {"types": "label", "map": "logit"},
            },
        ),
        "magnification": Option(
            40,
            "of the images; 20 for the files whose name ends in x20",
            (40, 20),
            {"postprocessing": {20: "cellvit-watershed-20"}},
        ),
    },
    memory_mib={"vit_h": 2893},
    agreement=(
        "Compared with the authors' CellViTSAM on a real patch of 256 px, same seeded weights: "
        "largest difference 3.4e-07 (largest score 0.34), largest Dice difference 0.0e+00; "
        "nuclei told apart by its post-processing at both magnifications: no pixel differs."
    ),
)
