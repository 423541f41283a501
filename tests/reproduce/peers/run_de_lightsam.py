"""xq141839/De-LightSAM: `model.py: ESPMedSAM` on what `dataloader.py: BinaryLoader` reads."""

import albumentations.pytorch.transforms
import cv2
import torch
from authors import OUT, POLYP, REAL, Answers, weights

# Left out of albumentations since; what it made is not what the network is given.
albumentations.pytorch.transforms.ToTensor = albumentations.pytorch.ToTensorV2
from dataloader import BinaryLoader  # noqa: E402
from model import ESPMedSAM  # noqa: E402

answers = Answers("de_lightsam")
network = ESPMedSAM()
network.load_state_dict(weights("de_lightsam"), strict=True)
network.train(False)
(OUT / "image_1024").mkdir()
(OUT / "mask_1024").mkdir()
ULTRASOUND = REAL / "biomedparse" / "demo" / "20_ultrasound_breast.png"
for path, name in ((POLYP, "12"), (ULTRASOUND, "ultra_12")):
    image = cv2.imread(str(path))
    # The release reads images of this size from files.
    square = cv2.resize(image, (1024, 1024))
    cv2.imwrite(str(OUT / "image_1024" / f"{name}.png"), square)
    cv2.imwrite(str(OUT / "mask_1024" / f"{name}.png"), square[:, :, 0])
    loader = BinaryLoader("any", [f"{name}.png"], albumentations.Compose([]))
    loader.path = str(OUT)
    _, pixels, _, _, modality = loader[0]
    with torch.no_grad():
        logits, _, _ = network(x=pixels[None], domain_seq=modality)
    answers.add(
        "none",
        f"{path.name} (modality {modality})",
        cv2.cvtColor(image, cv2.COLOR_BGR2RGB),
        logits[0, 0],
        input=pixels,
        options={"modality": modality},
        grid="model_input",
        file=str(path.relative_to(REAL)),
        read="rgb",
    )
answers.write()
