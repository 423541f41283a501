"""The whole mask of the object, given as it is."""

from reproduce.prompting.solid_masks import SolidMaskProfile

PLUGIN = SolidMaskProfile(
    name="mask-solid",
    version=1,
    description="The mask of the object over all its planes.",
    source="ucsdbiag/Prompt-Robustness-MedSegFMs@4fa0e89 nnInteractive/predict_btcv.py:18-60",
)
