"""The tight box around the whole mask."""

from reproduce.prompting.boxes import BoxProfile

PLUGIN = BoxProfile(
    name="box-tight",
    version=1,
    description="Tight box around the whole mask; x1, y1 are its last pixels; not moved.",
    source="RadioActive, Mazurowski et al., MedSAM (bbox_shift 0): np.max of the indices",
)
