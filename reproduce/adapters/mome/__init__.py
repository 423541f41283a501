"""MoME (Zhang et al. 2024): lesions of the brain in MR, five experts of nnU-Net and a gate."""

from reproduce.contracts import Conduct, Option
from reproduce.models.declaring import DeclaredAdapter

PARTS = ("gate", "expert1", "expert2", "expert3", "expert4", "expert5")

PLUGIN = DeclaredAdapter(
    name="mome",
    version=1,
    title="MoME",
    papers=("2405.10246",),
    source=(
        "ZhangxinruBIT/MoME @ 8758a8f61445dad6d8ad025874f178c810430aa3 "
        "MoME_foundation/nnunetv2/inference/predict_from_raw_data.py"
    ),
    prompts=("none",),
    dimensionality="3d",
    values="stored",
    layouts=tuple(f"nnunet/{part}" for part in PARTS),
    files=("checkpoint_best.pth, the gate", *(f"checkpoint_best{n}.pth" for n in range(1, 6))),
    builder="reproduce.adapters.mome.windows:build",
    preprocessing=(
        "Mean 0 and deviation 1 over the volume, resampled to the spacing of the plans in the "
        "files (third order, the sparsest axis by the nearest plane); windows of the plans' size "
        "half a window apart and their seven mirrorings, added up with a Gaussian in half "
        "precision as in the release; logits back linearly. One MR sequence a case. What comes "
        "before is the user's: registration to the MNI template by ANTs, skull stripping and "
        "cropping (Codes_prepro)."
    ),
    options={
        "mirror": Option(
            True,
            "whether mirrorings are averaged (without --disable_tta)",
            (True, False),
            changes={"postprocessing": {False: "gaussian-patches"}},
        ),
    },
    does=Conduct("mome-plans", "gaussian-patches-mirrored"),
    memory_mib={},
    agreement=(
        "Compared with the authors' predictor, with its own loader on six files as its trainer "
        "saves them, on one window of a real volume with the full networks, on a made volume "
        "(planes of 4 mm; without mirroring) and a real one of 1.5 mm with small ones, same "
        "seeded weights: largest logit difference 0.0e+00 (largest logit 80), largest Dice "
        "difference 0.0e+00. Without CUDA the release never loads its experts; for the "
        "comparison they were loaded."
    ),
)
