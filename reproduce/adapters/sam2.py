"""SAM 2 and 2.1 (Ravi et al. 2024) on stacks: asked on one plane, followed through the others,
corrected by clicks on any of them."""

from reproduce.contracts import Conduct, Option
from reproduce.models.sam2_declaring import holes, video_adapter

PLUGIN = video_adapter(
    name="sam2",
    version=2,
    title="SAM 2 / 2.1, video",
    papers=("2408.00714",),
    source=(
        "facebookresearch/sam2 @ 2b90b9f5ceec907a1c18123530e92e794ad901a4 "
        "sam2/sam2_video_predictor.py, sam2/build_sam.py; network: transformers 5"
    ),
    prompts=("box", "point", "mask"),
    preprocessing=(
        "Every plane squashed to 1024x1024 with Pillow (bicubic), divided by 255, ImageNet's mean "
        "and deviation; grey planes as RGB."
    ),
    does=Conduct("sam2-official-1024", "sam2-both-ways"),
    options={
        "image_size": Option(
            1024,
            "side of the network's input; 1024 in the official configurations",
            (1024, 512),
            {"preprocessing": {512: "sam2-512"}},
        ),
        "follow": Option(
            "both",
            "from the asked plane both ways, the backward pass with an empty memory, or forward "
            "alone (tools/vos_inference.py)",
            ("both", "forward"),
            {"postprocessing": {"forward": "sam2-forward"}},
        ),
        "holes": holes("sam2-both-ways-unfilled"),
    },
    memory_mib={"tiny": 986, "small": 959},
    agreement=(
        "Compared with the authors' code on whole stacks of 5 real CT slices of 380x470, SAM 2.1 "
        "tiny (and 2.0, forward) at 512 px, same seeded weights, box, one and two points, mask, "
        "two objects, both ways, holes filled (their CUDA kernel replaced by OpenCV): largest "
        "logit difference 5.6e-04 (largest logit 19), largest Dice difference of a plane 1.6e-05; "
        "clicks of four later rounds, told to the state that stands: 3.6e-05 (largest logit 13), "
        "no pixel. "
        "All eight official state dicts fit by name."
    ),
)
