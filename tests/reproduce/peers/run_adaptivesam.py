"""JayParanjape/biastuning: `kvasirSeg_Transform`, `Prompt_Adapted_SAM` and its tokeniser."""

import sys
from types import ModuleType

import numpy as np
import torch
from authors import POLYP, REAL, Answers, probe_of, weights
from PIL import Image

plain = ModuleType("ftfy")
plain.fix_text = lambda text: text  # mends broken characters; the labels are ASCII
sys.modules[plain.__name__] = plain
import clip  # noqa: E402 - the release's copy
import model as release  # noqa: E402
from clip.model import CLIP  # noqa: E402
from data_transforms.kvasirSeg_transform import kvasirSeg_Transform  # noqa: E402

read = torch.load
CONFIG = {
    "sam": {"img_size": 256, "num_classes": 1},
    "img_type": "image",
    "use_fdn": False,
    "prompts": {"USE_TEXT_PROMPT": True, "USE_IMAGE_PROMPT": False},
}
TRANSFORM = {"rotation_angle": 10, "saturation": 2, "brightness": 2, "img_size": 256}
TRANSFORM |= {"use_random_crop": False, "a_min": 0, "a_max": 255}
encoder = release.ImageEncoderViT
answers = Answers()


def network(layout, text, **sizes):
    """Theirs with seeded weights; `text`: sizes of CLIP, `sizes`: an encoder other than ViT-B's."""
    clip.load = lambda *_, **__: (CLIP(*text), None)
    release.torch.load = lambda *_, **__: {}  # SAM's file at a path of the authors'
    release.ImageEncoderViT = lambda **given: encoder(**given, **sizes)
    found = release.Prompt_Adapted_SAM(CONFIG, device="cpu")
    release.torch.load = read
    found.load_state_dict(weights(layout), strict=True)
    return found.eval()


ready = kvasirSeg_Transform({"data_transforms": TRANSFORM})
for layout, text, sizes in (
    ("adaptivesam", (512, 224, 12, 768, 32, 77, 49408, 512, 8, 12), {}),
    (
        "adaptivesam_scaled",
        (512, 32, 1, 64, 16, 77, 49408, 64, 1, 2),
        {"embed_dim": 128, "depth": 2, "num_heads": 2},
    ),
):
    theirs = network(layout, text, **sizes)
    for path, label in (
        (POLYP, "Polyp"),
        (POLYP, "Monopolar Curved Scissors"),
        (REAL / "biomedparse" / "demo" / "24_endoscope_colon.png", "small intestine"),
    ):
        image = np.asarray(Image.open(path).convert("RGB"))
        pixels = torch.as_tensor(image.copy()).permute(2, 0, 1)
        pixels, _ = ready(pixels, torch.zeros(1, *image.shape[:2]), is_train=False)
        embedding = theirs.get_image_embeddings(pixels[None])
        probability = theirs.get_masks_for_multiple_labels(embedding, [label])[0]
        height, width = ready.resize(torch.zeros(1, *image.shape[:2])).shape[1:]
        answers.add(
            "scaled" if sizes else "text",
            f"{path.name} asked for {label}" + (" (smaller network)" if sizes else ""),
            image,
            torch.logit(probability.double()).float()[:height, :width],
            weights=[layout],
            input=pixels,
            prompt={"text": label},
            grid="model_input",
            **(probe_of(path) if label != "small intestine" else {}),
        )
answers.write()
