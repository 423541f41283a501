"""The mask on the first plane where the object is seen, as in video object segmentation."""

from reproduce.prompting.key_planes import KeyPlaneProfile

PLUGIN = KeyPlaneProfile(
    name="mask-first-plane",
    version=1,
    description="The object's mask on the first plane where it is seen.",
    source="facebookresearch/sam2@2b90b9f tools/vos_inference.py",
    where="first",
)
