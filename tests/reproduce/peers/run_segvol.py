"""BAAI-DCAI/SegVol: `inference_demo.py: zoom_in_zoom_out` on what `process_ct_gt` makes.

Under MONAI 1.6 its ViT takes the kind of its patches under another name and has one normalisation a
block more, of which the released file, made under 0.9, knows nothing.
"""

import os
from types import SimpleNamespace

import monai.networks.nets as nets
import monai.transforms
import nibabel
import numpy as np
import torch
from authors import OUT, Answers, never_called, weights, without_cuda
from made import stack_of

never_called("matplotlib", "matplotlib.pyplot", "utils.visualize")
without_cuda()
torch.nn.Module.cuda = lambda self, *_, **__: self
plain = nets.ViT


def vit(**given):
    made = plain(**{k: v for k, v in given.items() if k != "pos_embed"}, proj_type="perceptron")
    for block in made.blocks:
        del block.norm_cross_attn
    return made


nets.ViT = vit
load_image = monai.transforms.LoadImage
monai.transforms.LoadImage = lambda: lambda path: (load_image(image_only=True)(path), None)
# Of an array without a header, as theirs is by then, 0.9 took the axes to lie as asked for.
monai.transforms.Orientationd = lambda **_: lambda data: data
cropping = monai.transforms.CropForeground
bounding = cropping.compute_bounding_box
first_voxels = []


def watched(self, img):
    start, end = bounding(self, img)
    first_voxels.append(np.array(start))
    return start, end


cropping.compute_bounding_box = watched
import inference_demo  # noqa: E402
from network import model  # noqa: E402
from segment_anything_volumetric import build_sam  # noqa: E402
from segment_anything_volumetric.modeling import MaskDecoder, PromptEncoder, TwoWayTransformer  # noqa: E402

build_sam.ViT = vit
from transformers import CLIPTextConfig  # noqa: E402

CLIP = {"hidden_size": 64, "num_hidden_layers": 1, "num_attention_heads": 1}
CLIP |= {"intermediate_size": 64, "projection_dim": 64}
answers = Answers()


def parts(small):
    """Their `_build_sam`, whose sizes are fixed in it, or the same parts of other sizes."""
    window, patch = ((8, 32, 32) if small else (32, 256, 256)), (4, 16, 16)
    if not small:
        args = SimpleNamespace(patch_size=patch, spatial_size=window)
        return window, patch, build_sam.sam_model_registry["vit"](args=args)
    width, shape = 96, [w // p for w, p in zip(window, patch, strict=True)]
    decoder = MaskDecoder(
        image_encoder_type="vit",
        transformer=TwoWayTransformer(2, width, 8, 2048),
        transformer_dim=width,
        image_size=np.array(window),
        patch_size=np.array(patch),
    )
    decoder.txt_align_upscaled_embedding = torch.nn.Linear(96, width // 8)
    sizes = {"hidden_size": width, "mlp_dim": 192, "num_layers": 2, "num_heads": 12}
    encoder = vit(in_channels=1, img_size=window, patch_size=patch, **sizes)
    prompts = PromptEncoder(width, shape, window, 16)
    made = SimpleNamespace(image_encoder=encoder, prompt_encoder=prompts, mask_decoder=decoder)
    return window, patch, made


def network(layout, small):
    window, patch, made = parts(small)
    if small:
        model.CLIPTextConfig = lambda: CLIPTextConfig(**CLIP)
    net = model.SegVol(
        made.image_encoder,
        made.mask_decoder,
        made.prompt_encoder,
        "config/clip",
        window,
        patch,
        test_mode=True,
    )
    if small:
        net.text_encoder.dim_align = torch.nn.Linear(64, 96)
    state = {k: v for k, v in weights(layout).items() if "position_ids" not in k}
    old, now = "clip_text_model.text_model.", "clip_text_model."
    net.load_state_dict({k.removeprefix("module.").replace(old, now): v for k, v in state.items()})
    return window, net.eval()


def run(part, name, stack, box, layout, small, ways):
    window, net = network(layout, small)
    values = stack_of(stack)
    label = np.zeros(values.shape, np.uint8)
    label[tuple(slice(a, b + 1) for a, b in zip(*box, strict=True))] = 1
    for kind, array in (("image", values), ("label", label)):
        image = nibabel.Nifti1Image(array.transpose(2, 1, 0).astype(np.float32), np.eye(4))
        nibabel.save(image, OUT / f"{kind}.nii.gz")
    case = [str(OUT / f"{kind}.nii.gz") for kind in ("image", "label")]
    for with_box, with_text in ways:
        kept = inference_demo.process_ct_gt(*case, ["liver"], window)
        args = SimpleNamespace(
            use_text_prompt=with_text,
            use_box_prompt=with_box,
            use_point_prompt=False,
            use_zoom_in=True,
            spatial_size=window,
            infer_overlap=0.5,
        )
        keys = ("image", "zoom_out_image", "label", "zoom_out_label")
        given = [torch.as_tensor(np.asarray(kept[k]))[None].float() for k in keys]
        with torch.no_grad():
            record = inference_demo.zoom_in_zoom_out(args, net, *given, categories=["liver"])
        logits = record["liver"][4].numpy()
        first = place(values, window)
        whole = np.full(values.shape, -100.0, np.float32)
        low = np.maximum(first, 0)
        high = np.minimum(first + np.array(logits.shape), values.shape)
        there = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        own = tuple(slice(a, b) for a, b in zip(low - first, high - first, strict=True))
        whole[there] = logits[own]
        prompt = {"box": np.array(box, float).tolist()} if with_box else {}
        answers.add_stack(
            part,
            f"{name}, {'box' * with_box}{' and ' * (with_box and with_text)}{'text' * with_text}",
            stack,
            whole[None, None],
            masks=whole[None] > 0,
            weights=[layout],
            strip="module.",
            options={"text": True} if with_box and with_text else {},
            prompts=[prompt],
            label="liver",
            take="scores",
        )


def place(values, window):
    """First voxel of their cut in the volume, of which they keep no note."""
    lacks = [max(0, w - n) for w, n in zip(window, values.shape, strict=True)]
    return first_voxels[-1] - np.array([n // 2 for n in lacks])


CT = {"of": "ct", "cut": [[0, 16], [150, 350], [150, 350]], "hu": [-150, 250]}
CT_NAME = "slices 0 to 15 of CT_Lesion_000001_02_01_008-023.npz cut to 200x200"
if "PEER_SMALL" not in os.environ:
    box = [[4, 60, 70], [9, 110, 140]]
    run("solid-box, text", CT_NAME, CT, box, "segvol", False, [(True, False), (False, True)])
waves = {"of": "waves", "cut": [[0, 5], [0, 40], [0, 56]], "hu": [-150, 250]}
box = [[1, 12, 15], [3, 27, 36]]
ways = [(True, False), (False, True), (True, True)]
run("small network", "waves", waves, box, "segvol_scaled", True, ways)
answers.write()
