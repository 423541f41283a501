"""mazurowski-lab/SegmentAnyBone: `predict_funs.py: evaluate_1_volume_withattention`, without it."""

from types import SimpleNamespace

import cfg
import monai
import numpy as np
import torch
from authors import Answers, definitions, weights
from funcs import min_max_normalize
from made import stack_of
from models.sam import sam_model_registry
from models.sam.modeling.prompt_encoder import attention_fusion
from PIL import Image
from torchvision import transforms

answers = Answers("segmentanybone")
args = cfg.parse_args()
args.if_mask_decoder_adapter = args.if_encoder_adapter = True
args.decoder_adapt_depth = 2
network = sam_model_registry["vit_t"](args, checkpoint=None, num_classes=2)
network.attention_fusion = attention_fusion()
network.load_state_dict(weights("segmentanybone"), strict=True)
network.eval()
used = definitions(
    "predict_funs.py",
    "torch_percentile",
    "inverse_normalize",
    "evaluate_1_volume_withattention",
    transforms=transforms,
    Image=Image,
    monai=monai,
    min_max_normalize=min_max_normalize,
    tio=None,
)
# A few planes, the first of them dark; torchio's axes are (x, y, z).
STACK = {"of": "brats", "cut": [[8, 80, 35], [20, 160], [0, 160]]}
stack = stack_of(STACK).astype(np.float32).transpose(2, 1, 0)
tensor = torch.from_numpy(stack.copy())[None]
low, high = (used["torch_percentile"](tensor, p) for p in (1, 99))
tensor = (torch.clamp(tensor, low, high) - low) / (high - low)
seen: list[torch.Tensor] = []
# They turn it back into an image in place.
network.image_encoder.register_forward_pre_hook(lambda _, given: seen.append(given[0].clone()))
logits, masks = [], []
for index in range(stack.shape[2]):
    volume = SimpleNamespace(data=tensor, spacing=(1.5, 1.5, 1.5))
    with torch.no_grad():
        _, found, _, picture, _ = used["evaluate_1_volume_withattention"](
            volume, network, "cpu", slice_id=index
        )
    logits.append(found[0])
    # The notebook's way back to the slice.
    mask = Image.fromarray(np.array((found > 0)[0], dtype=np.uint8))
    masks.append(np.asarray(mask.resize(picture.size, resample=Image.Resampling.NEAREST)).T)
answers.add_stack(
    "none",
    f"BraTS2021_01646 ({stack.shape[2]} planes of 140x160)",
    STACK,
    torch.stack(logits)[None],
    input=torch.cat(seen),
    masks=np.stack(masks)[None] > 0,
    options={},
    spacing=[1.5, 1.5, 1.5],
)
answers.write()
