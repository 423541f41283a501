"""windygoo/PromptNucSeg: the prompter's points, then SAM's mask of each, painted as for PanNuke."""

import sys
import types
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from authors import REAL, Answers, never_called, saved, weights
from PIL import Image
from torch import nn

SMALL = ("promptnucseg_prompter_scaled", "promptnucseg_segmentor_scaled")
FULL = ("promptnucseg_prompter", "promptnucseg_segmentor")
PATH = REAL / "biomedparse" / "demo" / "18_pathology_colon.png"
ROOT = sys.path[0]


class ConvModule(nn.Module):
    """mmcv's, as the release calls it: a convolution and nothing after it."""

    def __init__(self, taken, given, side, padding=0, **_):
        super().__init__()
        self.conv = nn.Conv2d(taken, given, side, padding=padding)

    def forward(self, x):
        return self.conv(x)


class BaseModule(nn.Module):
    def __init__(self, init_cfg=None):
        super().__init__()


never_called("mmdet", "mmdet.registry", "mmdet.utils")
sys.modules["mmcv"] = types.ModuleType("mmcv")
sys.modules["mmcv.cnn"] = types.SimpleNamespace(ConvModule=ConvModule)
sys.modules["mmengine"] = types.ModuleType("mmengine")
sys.modules["mmengine.model"] = types.SimpleNamespace(BaseModule=BaseModule)
sys.path.insert(0, f"{ROOT}/prompter")
import timm  # noqa: E402 - the release's own copy
from models import dpa_p2pnet  # noqa: E402
from utils import predict  # noqa: E402


class Settings(dict):
    __getattr__ = dict.__getitem__


def prompter(small):
    made = timm.create_model
    if small:
        sizes = {"depths": (1, 1, 2, 1), "dims": (8, 16, 24, 32)}
        timm.create_model = lambda **_: timm.models.convnext.ConvNeXt(**sizes)
    width = 32 if small else 256
    config = Settings(
        prompter=Settings(
            backbone={"model_name": "convnext_small", "num_classes": 0, "global_pool": ""},
            neck=Settings(
                in_channels=[8, 16, 24, 32] if small else [96, 192, 384, 768],
                out_channels=width,
                num_outs=3,
                add_extra_convs="on_input",
            ),
            dropout=0.1,
            space=8,
            hidden_dim=width,
        ),
        data=Settings(num_classes=5),
    )
    network = dpa_p2pnet.build_model(config)
    timm.create_model = made
    return network.eval()


def segmentor(small, file):
    import segment_anything  # noqa: F401 - the release's own copy

    builder = sys.modules["segment_anything.build_sam"]  # a function of the package has its name
    config = Settings(
        segmentor=Settings(img_size=256, patch_size=16, multimask=False, type="B"),
        data=Settings(num_classes=5),
    )
    sizes = {
        "encoder_embed_dim": 48 if small else 768,
        "encoder_depth": 2 if small else 12,
        "encoder_num_heads": 2 if small else 12,
        "encoder_global_attn_indexes": [1] if small else [2, 5, 8, 11],
    }
    builder.open = lambda *_: BytesIO(Path(file).read_bytes())  # what SAM's file is here
    return builder._build_sam(config, **sizes)


if __name__ == "__main__":
    image = np.asarray(Image.open(PATH).convert("RGB").crop((0, 0, 256, 256)))
    import albumentations

    pixels = torch.from_numpy(albumentations.Normalize()(image=image)["image"].transpose(2, 0, 1))
    answers = Answers(*SMALL)
    told = []
    for small, names in ((True, SMALL), (False, FULL)):
        network = prompter(small)
        state = weights(names[0])
        network.load_state_dict({k.removeprefix("prompter."): v for k, v in state.items()})
        with torch.no_grad():
            told.append(predict(network, pixels[None], nms_thr=12, ori_shape=(256, 256)))
    own = "utils", "models", "segment_anything"  # of the second stage, by the same names
    for name in [name for name in sys.modules if name.partition(".")[0] in own]:
        del sys.modules[name]
    sys.path[0] = f"{ROOT}/segmentor"
    from segment_anything.utils.amg import batched_mask_to_box
    from torchvision.ops import batched_nms

    for (places, _, kinds, _), (small, names) in zip(
        told, ((True, SMALL), (False, FULL)), strict=True
    ):
        network = segmentor(small, saved(names[1]))
        network.load_state_dict(weights(names[1]))
        points = torch.from_numpy(places).float()[:, None]
        with torch.no_grad():
            found = network(
                pixels[None],
                points,
                torch.ones(points.shape[:2], dtype=torch.int),
                torch.tensor([len(points)]),
            )
        masks = found["pred_masks"] > 0
        kept = batched_nms(
            batched_mask_to_box(masks).float(),
            found["pred_ious"],
            torch.zeros(len(masks)),
            iou_threshold=0.5,
        )
        numbers = np.zeros((5, 256, 256), np.int32)
        for one in kept.numpy()[::-1]:
            numbers[kinds[one], masks[one].numpy()] = one + 1
        answers.add(
            "points found",
            f"{PATH.name} (256x256)",
            image,
            np.concatenate([places, kinds[:, None]], 1),
            input=pixels,
            weights=list(names),
            take="found",
            options={"answers": "types"},
        )
        more = {"file": str(PATH.relative_to(REAL)), "read": "rgb 256x256"} if small else {}
        answers.add(
            "nuclei told apart",
            f"{PATH.name} (256x256)",
            image,
            numbers,
            weights=list(names),
            take="objects",
            options={"answers": "types"},
            **more,
        )
        print(len(places), np.bincount(kinds, minlength=5), len(kept), int(masks.sum()))
    answers.write()
