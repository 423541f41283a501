"""Building blocks shared by adapters (no plugins here)."""

from reproduce.ground.lean import put_off

put_off(
    "segment_anything"
)  # its predictor imports torchvision, and that torch's compiler: a second
