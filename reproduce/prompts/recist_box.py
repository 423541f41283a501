"""The longest diameter on the largest plane (RECIST), told as the box around it."""

from reproduce.prompting.key_planes import KeyPlaneProfile
from reproduce.prompting.lines import LineProfile

PLUGIN = KeyPlaneProfile(
    name="recist-box",
    version=1,
    description=(
        "The longest diameter of the object on the plane with most of it, told as the square "
        "around its middle with the diameter as its side."
    ),
    source=(
        "bowang-lab/MedSAM2@332f30d medsam2_infer_CT_lesion_npz_recist.py: --propagate_with_box "
        "(the diameters themselves come with its data; the one between the two pixels farthest "
        "apart is ours)"
    ),
    where="largest",
    asks=LineProfile("recist-box", 1, "the diameter", "as above", "diameter", "square"),
)
