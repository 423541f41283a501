"""`Sam2VideoModel` of transformers, with what the authors' predictor does otherwise.

Follows facebookresearch/sam2 @ 2b90b9f5: `sam2_video_predictor.py` and `sam2_base.py`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import interpolate
from transformers import Sam2VideoConfig, Sam2VideoInferenceSession, Sam2VideoModel

HOLE = 0.1  # the logit that a filled hole gets
LARGEST_LOGIT = 32.0  # of those that are fed back with a correction


class Sam2Network(Sam2VideoModel):  # type: ignore[no-untyped-call]  # transformers' own hook
    """A SAM 2 for video.

    hole_px  holes of up to so many pixels of the low-resolution masks are filled; 0: none
    pruned   so many memories are left out where there are as many as the network looks at
    """

    def __init__(self, config: Sam2VideoConfig, hole_px: int = 0, pruned: int = 0) -> None:
        super().__init__(config)
        self.hole_px = hole_px
        self.pruned = pruned

    def _build_memory_attention_inputs(self, *given: Any, **named: Any) -> Any:
        """Memories and their positions, without those that are most like the last one.

        Follows jinlab-imvr/Surgical-SAM-2 @ 1b6ca9fd `sam2_base.py`: the first and the last stay.
        """
        memories, positions = super()._build_memory_attention_inputs(*given, **named)
        if self.pruned and len(memories) >= self.num_maskmem:
            likeness = [
                float(torch.cosine_similarity(memory, memories[-1], dim=-1).sum())
                for memory in memories[1:-1]
            ]
            ranked = sorted(range(1, len(memories) - 1), key=lambda i: -likeness[i - 1])
            kept = sorted(set(range(len(memories))) - set(ranked[: self.pruned]))
            memories, positions = [memories[i] for i in kept], [positions[i] for i in kept]
        return memories, positions

    def _single_frame_forward(self, *given: Any, **named: Any) -> Any:
        """One mask where nothing else is said: the pointer to an object that is given as a mask
        comes from the token of the single mask."""
        return super()._single_frame_forward(*given, **{"multimask_output": False} | named)

    def _run_single_frame_inference(self, *given: Any, **named: Any) -> dict[str, Any]:
        """Masks with their holes filled; where something was asked, the memory is made of them."""
        found: dict[str, Any] = super()._run_single_frame_inference(*given, **named)
        found["pred_masks"] = filled(found["pred_masks"], self.hole_px)
        if named["point_inputs"] is not None or named["mask_inputs"] is not None:
            size = found["high_res_masks"].shape[-2:]
            found["high_res_masks"] = interpolate(found["pred_masks"], size, mode="bilinear")
        return found

    def answered(
        self,
        memory: Sam2VideoInferenceSession,
        plane: int,
        points: dict[str, torch.Tensor] | None,
        mask: torch.Tensor | None,
        before: torch.Tensor | None,
        reverse: bool,
        first: bool,
    ) -> dict[str, torch.Tensor]:
        """What one object's memory holds of a plane on which something is said.

        points  `point_coords` (1, 1, N, 2) x, y and `point_labels` (1, 1, N), or
        mask    (1, 1, side, side) of 0 and 1
        before  (1, 1, side / 4, side / 4) logits that points correct; None: there are none
        first   whether the object has not been followed there, and nothing is remembered
        """
        output = self._run_single_frame_inference(
            inference_session=memory,
            frame_idx=plane,
            obj_idx=0,
            batch_size=1,
            is_init_cond_frame=first,
            point_inputs=points,
            mask_inputs=mask,
            reverse=reverse,
            prev_sam_mask_logits=None
            if before is None
            else before.clamp(-LARGEST_LOGIT, LARGEST_LOGIT),
        )
        features, _ = self._prepare_vision_features(memory, plane, 1)
        output["maskmem_features"], output["maskmem_pos_enc"] = self._encode_new_memory(
            current_vision_feats=features[-1],
            pred_masks_high_res=output.pop("high_res_masks"),
            object_score_logits=output["object_score_logits"],
            is_mask_from_pts=True,
        )
        return output


def filled(logits: torch.Tensor, most_px: int) -> torch.Tensor:
    """(1, 1, h, w) logits with small holes of the mask filled: components of the background (8
    neighbours) of at most so many pixels, at the border too.

    Follows `sam2/utils/misc.py: fill_holes_in_mask_scores`, which runs on CUDA alone.

    >>> ring = torch.ones(1, 1, 3, 3); ring[..., 1, 1] = -2.0
    >>> round(float(filled(ring, 1)[0, 0, 1, 1]), 3), float(filled(ring, 0)[0, 0, 1, 1])
    (0.1, -2.0)
    """
    if most_px == 0:
        return logits
    import cv2
    import numpy as np

    background = (logits[0, 0] <= 0).cpu().numpy().astype(np.uint8)
    _, labels, figures, _ = cv2.connectedComponentsWithStats(background, connectivity=8)
    small = figures[:, cv2.CC_STAT_AREA] <= most_px
    small[0] = False  # the foreground
    if not small.any():
        return logits
    return torch.where(torch.from_numpy(small[labels]).to(logits.device), HOLE, logits)
