"""The longest diameter on the largest plane (RECIST), told as five of its pixels."""

from reproduce.prompting.key_planes import KeyPlaneProfile
from reproduce.prompting.lines import LineProfile

PLUGIN = KeyPlaneProfile(
    name="recist-points-5",
    version=1,
    description=(
        "The longest diameter of the object on the plane with most of it, told as five of its "
        "pixels, each equally likely."
    ),
    source=(
        "bowang-lab/MedSAM2@332f30d medsam2_infer_CT_lesion_npz_recist.py: --sample_points "
        "from_recist_n (the diameters themselves come with its data; the one between the two "
        "pixels farthest apart is ours)"
    ),
    where="largest",
    asks=LineProfile("recist-points-5", 1, "the diameter", "as above", "diameter", "drawn"),
)
