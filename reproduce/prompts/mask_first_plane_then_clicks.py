"""Propagation from one plane, then clicks on the plane that is most wrong."""

from reproduce.prompting.key_planes import KeyPlaneProfile

PLUGIN = KeyPlaneProfile(
    name="mask-first-plane-then-clicks",
    version=1,
    description=(
        "The object's mask on the first plane where it is seen; then five clicks, each in the "
        "middle of the largest error of the other plane with the most wrong pixels."
    ),
    source=(
        "sam4mis, after the offline protocol of arXiv 2408.00714, section 6.1 (there 3 clicks a "
        "plane)"
    ),
    where="first",
    click="largest-error-edt",
    looks="worst-plane",
    rounds=6,
    follows="first",
)
