"""ucwxb/I-MedSAM: `SessileDataLoader` and the steps of `main.py --test_only`, in float32."""

import numpy as np
import torch
from authors import OUT, REAL, SMALL_SAM, Answers, never_called, probe_of, saved, weights
from PIL import Image

never_called("albumentations")
from dataset import SessileDataLoader  # noqa: E402
from model.IMedSAM import IMedSAM  # noqa: E402
from segment_anything.build_sam import _build_sam, sam_model_registry  # noqa: E402
from segment_anything.utils.transforms import ResizeLongestSide  # noqa: E402

answers = Answers()
(OUT / "test" / "images").mkdir(parents=True)
(OUT / "test" / "masks").mkdir()
polyps = sorted((REAL / "endotect" / "images").iterdir())[:2]
for path in polyps:
    (mask,) = (REAL / "endotect" / "masks").glob(f"{path.stem}.*")
    Image.open(path).convert("RGB").save(OUT / "test" / "images" / f"{path.stem}.png")
    Image.open(mask).convert("L").save(OUT / "test" / "masks" / f"{path.stem}.png")


def network(layout, base, side, **sizes):
    """Theirs over a seeded SAM; `sizes`: an encoder other than ViT-B's."""
    builder = _build_sam if sizes else sam_model_registry["vit_b"]
    found = IMedSAM(builder(image_size=side, checkpoint=saved(base), **sizes), 4)
    found.load_lora_parameters(weights(layout))
    return found.eval()


for layout, base, side, label_sizes, sizes in (
    ("i_medsam", "sam_vit_b", 384, (384, 128), {}),
    ("i_medsam_scaled", "sam_small_128", 128, (96,), SMALL_SAM),
):
    model = network(layout, base, side, **sizes)
    for label_size in label_sizes:
        data = SessileDataLoader(str(OUT), False, (side, side), (label_size, label_size))
        for number, path in enumerate(polyps):
            pixels, truth, box, *_ = data[number]
            place = ResizeLongestSide(side).apply_boxes(box[None].numpy(), truth.shape[-2:])
            with torch.no_grad():
                fine = model(
                    pixels[None],
                    torch.as_tensor(place, dtype=torch.float).reshape(1, 1, 4),
                    original_size=truth.shape[-2:],
                    cls=0,
                )[1]
            image = np.asarray(Image.open(path).convert("RGB"))
            height, width = image.shape[:2]
            scale = np.array([width, height, width, height]) / label_size
            answers.add(
                "scaled" if sizes else "box",
                f"{path.name} ({label_size})" + (", smaller network" if sizes else ""),
                image,
                fine[0, 0],
                weights=[base, layout],
                input=pixels,
                prompt={"box": (box.numpy() * scale).tolist()},
                grid="model_input",
                options={"image_size": side, "label_size": label_size},
                **(probe_of(path) if number == 0 else {}),
            )
answers.write()
