"""The noise SAM was trained with: SD a tenth of the side, at most 20 pixels."""

from reproduce.prompting.boxes import BoxProfile, Jitter

PLUGIN = BoxProfile(
    name="box-normal-10",
    version=1,
    description=(
        "Tight box, every coordinate moved by a normal number with SD 0.1 of the side, up to 20 px."
    ),
    source="Kirillov et al. 2023, appendix A: 10 % of the box side, at most 20 pixels",
    jitter=Jitter("normal", 20, 0.1),
)
