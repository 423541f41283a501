"""SAMUS (Lin et al. 2023): SAM with a branch of convolutions, ultrasound, one click."""

from reproduce.contracts import Conduct
from reproduce.models.declaring import DeclaredAdapter

PLUGIN = DeclaredAdapter(
    name="samus",
    version=2,
    title="SAMUS",
    papers=("2309.06824",),
    source="xianlin7/SAMUS @ 030ed07cebe44bd40a00e97c9044660b7dc12523 utils/data_us.py, samus.py",
    prompts=("point",),
    untrained=("box",),
    layouts=("flat", "module"),
    builder="reproduce.adapters.samus.network:build",
    plane="reproduce.adapters.samus.network:prompt_plane",
    preprocessing=(
        "Grey, squashed to 256x256 with Pillow (bilinear), divided by 255, the channel repeated; "
        "no mean and deviation. The release scores at 256x256 (grid model_input): masks resized by "
        "nearest neighbour, the click taken on the resized mask."
    ),
    does=Conduct("samus-256-grey"),
    memory_mib={"vit_b": 818},
    agreement=(
        "Compared with the authors' code on 3 predictions of real images, same seeded weights: "
        "largest logit difference 2.6e-06 (largest logit 2.8), largest Dice difference 3.1e-10."
    ),
)
