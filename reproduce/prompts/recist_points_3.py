"""The longest diameter on the largest plane (RECIST), told as its ends and its middle."""

from reproduce.prompting.key_planes import KeyPlaneProfile
from reproduce.prompting.lines import LineProfile

PLUGIN = KeyPlaneProfile(
    name="recist-points-3",
    version=1,
    description=(
        "The longest diameter of the object on the plane with most of it, told as three points: "
        "its middle and its ends."
    ),
    source=(
        "bowang-lab/MedSAM2@332f30d medsam2_infer_CT_lesion_npz_recist.py: --sample_points "
        "from_recist_3 (the diameters themselves come with its data; the one between the two "
        "pixels farthest apart is ours)"
    ),
    where="largest",
    asks=LineProfile(
        "recist-points-3", 1, "the diameter", "as above", "diameter", "ends-and-middle"
    ),
)
