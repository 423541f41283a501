"""Score released predictions: evidence level *recomputed*, no weights needed.

Files are paired with cases by name and never by order; what does not pair, or lies on another
grid, is an error that names the file.
"""

from reproduce.predictions.counting import score_predictions
from reproduce.predictions.record import write_result
from reproduce.predictions.request import Request

__all__ = ["Request", "score_predictions", "write_result"]
