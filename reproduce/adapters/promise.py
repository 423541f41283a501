"""ProMISe (Li et al. 2023): 3DSAM-adapter with a second adapter a block and another head."""

from reproduce.contracts import Conduct
from reproduce.models.declaring import DeclaredAdapter
from reproduce.models.millimetre_data import OPTION

PLUGIN = DeclaredAdapter(
    name="promise",
    version=1,
    title="ProMISe",
    papers=("2310.19721",),
    source=(
        "MedICL-VU/ProMISe @ 8c9803f8f44251d29a9d73238c5e0b89c621b15a "
        "promise/src/processor/tester.py"
    ),
    prompts=("point",),
    layouts=("encoder-feature-decoder",),
    dimensionality="3d",
    values="stored",
    builder="reproduce.models.clicked_cube:build_promise",
    volume="reproduce.models.millimetre:brought",
    preprocessing=(
        "As 3DSAM-adapter: trilinear to 1 mm, window and z-score of the training set, a cube of "
        "128 voxels around the click, fourfold enlarged; softmax, 0 outside of the cube, trilinear "
        "to the original grid. The network is told the click with its axes set against each "
        "other's first voxel, as tester.py does."
    ),
    options={"data": OPTION},
    does=Conduct("3dsam-adapter-128-512", answers="probability"),
    memory_mib={"vit_b": 3406},
    agreement=(
        "Compared with the authors' tester.py on 16 real CT slices with the full network (and on a "
        "small one), same seeded weights, one click: largest difference 1.0e-06 of a probability, "
        "largest Dice difference 0.0e+00."
    ),
)
