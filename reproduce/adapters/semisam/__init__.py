"""SemiSAM and SemiSAM-O1 (Zhang et al.): the 3D U-Net that SAM-Med3D taught; no prompt."""

from reproduce.contracts import Conduct, Option
from reproduce.models.declaring import DeclaredAdapter

PLUGIN = DeclaredAdapter(
    name="semisam",
    version=1,
    title="SemiSAM+, SemiSAM-O1 (their 3D U-Net)",
    papers=("2312.06316", "2502.20749"),
    source=(
        "YichiZhang98/SemiSAM @ 6716784cacd8ed93f8032a2c5efa9425bb22b0ac code_semisam+/"
        "test_3D_util.py: test_single_case, networks/unet_3D.py (the network of SemiSAM-O1 is the "
        "same file)"
    ),
    prompts=("none",),
    dimensionality="3d",
    values="stored",
    layouts=("flat",),
    builder="reproduce.adapters.semisam.network:build",
    preprocessing=(
        "None: the h5 files that the release reads hold cropped volumes of mean 0 and deviation 1, "
        "and so have to be the values here. Seen column by column first, as stored there; windows "
        "of 128 voxels half a window apart, their softmax averaged."
    ),
    options={
        "window": Option(
            128, "side of the windows in voxels (patch_size)", changes={"preprocessing": {}}
        ),
        "classes": Option(
            "left atrium",
            "names of the classes after the background, with commas between them",
            changes={},
        ),
    },
    does=Conduct("unchanged", "windows-averaged", answers="probability"),
    memory_mib={"unet": 1448},
    agreement=(
        "Compared with the authors' test_single_case and network on a real volume of two windows "
        "(and on a small network), same seeded weights: largest difference 0.0e+00 of a "
        "probability, largest Dice difference 0.0e+00."
    ),
)
