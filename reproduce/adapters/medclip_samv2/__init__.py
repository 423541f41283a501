"""MedCLIP-SAMv2 (Koleilat et al. 2024): a sentence, what BiomedCLIP sees of it, a box, SAM."""

from reproduce.contracts import Conduct, Option
from reproduce.models.declaring import DeclaredAdapter

OTHERWISE: dict[str, dict[object, object]] = {
    "preprocessing": {}
}  # no claim has a word for any other setting

PLUGIN = DeclaredAdapter(
    name="medclip-samv2",
    version=1,
    title="MedCLIP-SAMv2 (zero-shot)",
    papers=("2409.19483",),
    source=(
        "HealthX-Lab/MedCLIP-SAMv2 @ 07047e3f51e7f112cfeb490698ca60a1867295f2 "
        "saliency_maps/generate_saliency_maps.py, postprocessing/postprocess_saliency_maps.py, "
        "segment-anything/prompt_sam.py"
    ),
    prompts=("text", "box"),
    layouts=("flat", "file/vocab.txt"),
    files=("BiomedCLIP as fine-tuned", "vocab.txt", "SAM ViT-H"),
    builder="reproduce.adapters.medclip_samv2.network:build",
    preprocessing=(
        "For BiomedCLIP the shorter side to 224 (bicubic, Pillow) and the middle cut out, CLIP's "
        "mean and deviation. Ten steps of Adam through what follows a layer of it find where the "
        "sentence is seen (M2IB); that map, stretched over the whole image, is split in two by "
        "its values, the largest component gives a box, and the box is asked of SAM. Noise is "
        "drawn anew from the seed for every image; the release draws on from image to image. A "
        "box that is given is asked of SAM alone: the second stage without the first."
    ),
    options={
        "layer": Option(9, "of BiomedCLIP's 12, counted from 0 (--vlayer)", changes=OTHERWISE),
        "beta": Option(
            2.0,
            "weight of compression: 2.0 as the release runs brain tumours, 1.0 as breast tumours "
            "(--vbeta)",
            changes=OTHERWISE,
        ),
        "seed": Option(12, "of the noise (--seed)", changes=OTHERWISE),
        "coarse": Option(
            "kmeans",
            "how the map is split: two means, or above 0.3 of its range (--postprocess)",
            ("kmeans", "threshold"),
            changes=OTHERWISE,
        ),
        "regions": Option(
            1,
            "components of the map that are kept; 2 for lungs (--num-contours)",
            (1, 2),
            changes=OTHERWISE,
        ),
        "apart": Option(
            False,
            "a box for each of them, the masks united (--multicontour)",
            (False, True),
            changes=OTHERWISE,
        ),
        "crop": Option(
            True,
            "whether the middle is cut out, as CLIP does, or the image squashed: the settings of "
            "the release's processor lie on a hub and nobody has seen them",
            (True, False),
            changes=OTHERWISE,
        ),
        "stage": Option(
            "masks",
            "coarse: the component that gives the box, without SAM; its masks are given to the "
            "second stage by --boxes DIR/masks --prompts box-tight-exclusive",
            ("masks", "coarse"),
            changes={"preprocessing": {}, "postprocessing": {}},
        ),
    },
    does=Conduct("medclip-box-then-sam", "largest-components", answers="label", decided=0.5),
    memory_mib={"vit_h": 3674},
    agreement=(
        "Compared with the authors' saliency map, its post-processing and SAM on two real images "
        "with the full networks, on five with small ones (two regions, a threshold), same seeded "
        "weights, vocabulary and noise; CLIP's own image processor in place of theirs. Masks, "
        "and what gives the box: largest difference 0.0e+00, largest Dice difference 0.0e+00."
    ),
)
