"""3DSAM-adapter (Gong et al. 2023): SAM ViT-B lifted to 3D, tumours in CT, one click."""

from reproduce.contracts import Conduct
from reproduce.models.declaring import DeclaredAdapter
from reproduce.models.millimetre_data import OPTION

PLUGIN = DeclaredAdapter(
    name="3dsam-adapter",
    version=1,
    title="3DSAM-adapter",
    papers=("2306.13465",),
    source=(
        "med-air/3DSAM-adapter @ f4fb8f39d9e62da10e9f59b8672c323b38518f42 3DSAM-adapter/test.py, "
        "3DSAM-adapter/dataset/base_dataset.py"
    ),
    prompts=("point",),
    layouts=("encoder-feature-decoder",),
    dimensionality="3d",
    values="stored",
    builder="reproduce.models.clicked_cube:build_3dsam_adapter",
    volume="reproduce.models.millimetre:brought",
    preprocessing=(
        "Trilinear to 1 mm, window and z-score of the training set, a cube of 128 voxels around "
        "the click, fourfold enlarged. Softmax, 0 outside of the cube, trilinear to the original "
        "grid. Clicks are drawn at 1 mm."
    ),
    options={"data": OPTION},
    does=Conduct("3dsam-adapter-128-512", answers="probability"),
    memory_mib={"vit_b": 2994},
    agreement=(
        "Compared with the authors' test.py on one stack of real CT slices with the full network "
        "(and a small one), same seeded weights, one click: largest difference 1.5e-06 of a "
        "probability, largest Dice difference 0.0e+00."
    ),
)
