"""De-LightSAM, also ESP-MedSAM (Xu et al. 2024): a TinyViT student, no prompt, six modalities."""

from reproduce.contracts import Conduct, Option
from reproduce.models.declaring import DeclaredAdapter

PLUGIN = DeclaredAdapter(
    name="de-lightsam",
    version=1,
    title="De-LightSAM, ESP-MedSAM",
    papers=("2407.14153",),
    source=(
        "xq141839/De-LightSAM @ d2260d75e4ad1f5da8e053711cd9c36128088a7b model.py, eval.py, "
        "dataloader.py: BinaryLoader"
    ),
    prompts=("none",),
    layouts=("flat", "module"),
    builder="reproduce.adapters.de_lightsam.network:build",
    preprocessing=(
        "Squashed to 1024x1024 with OpenCV (bilinear; the release reads files that are so large "
        "already, and does not say how they were made), less SAM's mean and divided by it again: "
        "the release takes the mean for the deviation. It scores at 1024x1024 (grid model_input)."
    ),
    options={
        "modality": Option(
            0,
            "which of six mask tokens answers; the release takes it from the form of a file's "
            "name: 0 ISIC_..., 1 CHNCXR_..., 2 ultra_..., 3 any other with an underscore, else 4 "
            "for more than ten characters, 5 for fewer",
            (0, 1, 2, 3, 4, 5),
        ),
    },
    does=Conduct("de-lightsam-1024-mean-mean"),
    memory_mib={"vit_t": 345},
    agreement=(
        "Compared with the authors' code on 2 predictions of real images (two modalities), same "
        "seeded weights: largest logit difference 3.0e-06 (largest logit 2.3), largest Dice "
        "difference 0.0e+00."
    ),
)
