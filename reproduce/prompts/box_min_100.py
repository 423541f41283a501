"""A tight box, small masks left out."""

from reproduce.prompting.boxes import BoxProfile

PLUGIN = BoxProfile(
    name="box-min-100",
    version=1,
    description="Tight box around the whole mask where it has at least 100 pixels.",
    source="bowang-lab/MedSAM@d71e8a1 pre_CT_MR.py: small objects removed",
    min_pixels=100,
)
