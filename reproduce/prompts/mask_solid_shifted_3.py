"""The whole mask of the object, moved by up to three voxels."""

from reproduce.prompting.solid_masks import SolidMaskProfile

PLUGIN = SolidMaskProfile(
    name="mask-solid-shifted-3",
    version=1,
    description=(
        "The mask of the object over all its planes, moved along each axis by -3 to 2 "
        "voxels, drawn for each object."
    ),
    source="ucsdbiag/Prompt-Robustness-MedSegFMs@4fa0e89 nnInteractive/predict_btcv.py:175-211",
    change="shifted",
)
