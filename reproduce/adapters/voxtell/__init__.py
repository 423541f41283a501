"""VoxTell (Rokuss et al. 2025): structures of a volume by stored embeddings of text."""

from reproduce.contracts import Conduct, Option
from reproduce.models.declaring import DeclaredAdapter

PLUGIN = DeclaredAdapter(
    name="voxtell",
    version=1,
    title="VoxTell",
    papers=("2511.11450",),
    source=(
        "MIC-DKFZ/VoxTell @ 8ef0332aec5d5dff925d6f6370386c00334b57ab voxtell/model, "
        "voxtell/inference/predictor.py (run: the package voxtell 0.1.2)"
    ),
    prompts=("text",),
    dimensionality="3d",
    values="stored",
    layouts=("network_weights", "file/plans.json", "file/text_embeddings.npz"),
    files=("weights", "plans.json", "text_embeddings.npz"),
    extra="voxtell",
    builder="reproduce.adapters.voxtell.network:build",
    preprocessing=(
        "The package's own: axes to superior, anterior, right; cut to what is not 0, mean 0 and "
        "deviation 1 there, nothing resampled; windows of the plans' size half a window apart, "
        "filled up with 0, their logits averaged with a Gaussian. Its text encoder (8 GB) is not "
        "run: what it makes of a text in small letters is taken from the bank that the authors "
        "release, or from one of the same form (labels, embeddings of 2560 numbers)."
    ),
    options={
        "step": Option(
            0.5,
            "from one window to the next, in windows (tile_step_size)",
            changes={"preprocessing": {}},
        ),
    },
    does=Conduct("voxtell-patches-192", "gaussian-patches"),
    memory_mib={"resenc_l": 7935},
    agreement=(
        "Compared with the authors' predictor of version 0.1.1, with its own loader, on 16 real CT "
        "slices with the full network, on those and a made volume with small ones, same seeded "
        "weights, seeded embeddings in place of their text encoder's: largest logit difference "
        "0.0e+00 of at most 63.4, largest Dice difference 0.0e+00."
    ),
)
