"""mazurowski-lab/SegmentAnyBone: `predict_funs.py: evaluate_1_volume_withattention`, without it."""

from types import SimpleNamespace

import cfg
import monai
import nibabel
import numpy as np
import torch
from authors import REAL, Answers, definitions, weights
from funcs import min_max_normalize
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
PATH = REAL / "brats" / "imagesTr" / "BraTS2021_01646.nii.gz"
# A few planes, the first of them dark; torchio's axes are (x, y, z).
stack = np.asarray(nibabel.load(PATH).dataobj, np.float32)[:, 20:, 8:80:35]
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
answers.add(
    "none",
    f"BraTS2021_01646 ({stack.shape[2]} planes of 140x160)",
    stack.transpose(2, 1, 0).copy(),
    torch.stack(logits)[None],
    input=torch.cat(seen),
    masks=np.stack(masks)[None] > 0,
    options={},
    spacing=[1.5, 1.5, 1.5],
)
answers.write()
