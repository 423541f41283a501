"""A box on the largest plane, then clicks on the plane that is most wrong."""

from reproduce.prompting.boxes import BoxProfile
from reproduce.prompting.key_planes import KeyPlaneProfile

PLUGIN = KeyPlaneProfile(
    name="box-largest-plane-then-clicks",
    version=1,
    description=(
        "The tight box on the plane with most of the object; then five clicks, each in the middle"
        " of the largest error of the plane with the most wrong pixels."
    ),
    source=(
        "sam4mis, after the offline protocol of arXiv 2408.00714, section 6.1 (there 3 clicks a "
        "plane)"
    ),
    where="largest",
    asks=BoxProfile("box-largest-plane-then-clicks", 1, "the tight box", "box-largest-plane"),
    click="largest-error-edt",
    looks="worst-plane",
    rounds=6,
    follows="first",
)
