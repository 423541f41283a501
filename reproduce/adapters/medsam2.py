"""MedSAM2 (Ma et al. 2025): SAM 2.1 tiny at 512 px, fine-tuned on CT, MRI, PET and ultrasound."""

from reproduce.contracts import Conduct, Option
from reproduce.models.sam2_declaring import holes, video_adapter

PLUGIN = video_adapter(
    name="medsam2",
    version=2,
    title="MedSAM2",
    papers=("2504.03600",),
    source=(
        "bowang-lab/MedSAM2 @ 332f30d420f1d1b08e2a79b3ae6a602458808383 medsam2_infer_3D_CT.py, "
        "medsam2_infer_CT_lesion_npz_recist.py, medsam2_infer_video.py; network: transformers 5"
    ),
    prompts=("box", "point", "mask"),
    preprocessing=(
        "Every plane of 8 bits squashed to 512x512 with Pillow (bicubic), divided by 255, "
        "ImageNet's mean and deviation; grey planes as RGB."
    ),
    does=Conduct("sam2-512", "sam2-both-ways-largest", answers="label", decided=0.5),
    options={
        "image_size": Option(512, "side of the network's input (sam2.1_hiera_t512.yaml)", (512,)),
        "follow": Option(
            "both-largest",
            "both ways and the largest component of the stack (medsam2_infer_3D_CT.py), both ways "
            "from the mask of the asked plane (medsam2_infer_CT_lesion_npz_recist.py), or forward "
            "alone (medsam2_infer_video.py)",
            ("both-largest", "both-remasked", "forward"),
            {
                "postprocessing": {
                    "both-remasked": "sam2-both-ways-remasked",
                    "forward": "sam2-forward",
                },
                "answers": {"both-remasked": "logit", "forward": "logit"},
            },
        ),
        "holes": holes(),
    },
    memory_mib={"tiny": 445},
    agreement=(
        "Compared with the authors' predictor on whole stacks of 5 real CT slices of 380x470, same "
        "seeded weights: box both ways, points both ways from their mask, mask forward, holes "
        "filled (their CUDA kernel replaced by OpenCV): largest logit difference 8.9e-05 (largest "
        "logit 11), largest Dice difference of a plane 1.5e-05. The largest component was not part "
        "of it."
    ),
)
