"""PromptNucSeg (Shui et al. 2024): a prompter finds nuclei, SAM outlines each; no prompt given."""

from reproduce.contracts import Conduct, Option
from reproduce.models.declaring import DeclaredAdapter

PLUGIN = DeclaredAdapter(
    name="promptnucseg",
    version=1,
    title="PromptNucSeg (PanNuke)",
    papers=("2311.15939",),
    source=(
        "windygoo/PromptNucSeg @ fce029082bf2820314a4dc46be443a836e4876a4 "
        "prompter/predict_prompts.py, segmentor/main.py: evaluate"
    ),
    prompts=("none", "point"),
    layouts=("model/prompter", "model"),
    builder="reproduce.adapters.promptnucseg.network:build",
    files=("the prompter", "the segmentor"),
    preprocessing=(
        "A patch of 256 px, channels normalised as ImageNet's; a smaller one is mirrored beyond "
        "its edges. The prompter's points go to the replay file, so that SAM can be asked again "
        "without it. The prompters of Kumar and CPM-17 (four levels, larger images in windows) "
        "are refused."
    ),
    does=Conduct("promptnucseg-256", "promptnucseg-nms", answers="label", decided=0.5),
    options={
        "answers": Option(
            "nuclei", "nuclei told apart, or the same by their five types", ("nuclei", "types")
        )
    },
    memory_mib={"vit_b": 792},
    agreement=(
        "Compared with the authors' two stages on a real patch of 256 px, same seeded weights of "
        "full and of smaller size: largest difference 0.0e+00 of points, types and nuclei; no "
        "pixel differs."
    ),
)
