"""Surgical SAM 2 (Liu et al. 2024): SAM 2 small at 512 px whose memory is pruned, for video."""

from reproduce.contracts import Conduct, Option
from reproduce.models.sam2_declaring import holes, video_adapter

PLUGIN = video_adapter(
    name="surgical-sam-2",
    version=2,
    title="Surgical SAM 2",
    papers=("2408.07931",),
    source=(
        "jinlab-imvr/Surgical-SAM-2 @ 1b6ca9fd100ad6c87f6d31d55d194de90cd841e1 "
        "sam2/modeling/sam2_base.py, sam2_configs/sam2_hiera_s_512.yaml; network: transformers 5"
    ),
    prompts=("point", "mask", "box"),
    preprocessing=(
        "Every plane squashed to 512x512 with Pillow (bicubic), divided by 255, ImageNet's mean "
        "and deviation. Of seven memories the two that are most like the last are left out; the "
        "release chooses them for all objects of a video together, here each object has its own."
    ),
    does=Conduct("sam2-512", "sam2-forward-pruned"),
    options={
        "image_size": Option(512, "side of the network's input", (512,)),
        "follow": Option("forward", "from the asked plane forward alone", ("forward",)),
        "holes": holes(),
        "pruned": Option(2, "memories left out (num_remove)", (2,)),
    },
    memory_mib={"small": 450},
    agreement=(
        "Compared with the authors' predictor, forward, one object, on 11 real CT slices of "
        "380x470, same seeded weights, point and mask (their CUDA kernel replaced by OpenCV): "
        "largest logit difference 1.4e-04 (largest logit 31), largest Dice difference of a plane "
        "4.0e-05."
    ),
)
