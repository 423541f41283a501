"""MathieuNlp/Sam_LoRA: `LoRA_sam` with the released LoRA on a seeded base, `SamPredictor`."""

import numpy as np
from authors import POLYP, REAL, Answers, saved
from PIL import Image
from src.lora import LoRA_sam
from src.segment_anything import SamPredictor, build_sam_vit_b

RELEASED = "sam_lora/lora_rank4.safetensors"
answers = Answers("sam_vit_b", f"real:{RELEASED}")
merged = LoRA_sam(build_sam_vit_b(checkpoint=saved("sam_vit_b")), 4)
merged.load_lora_parameters(str(REAL / RELEASED))
predictor = SamPredictor(merged.sam.eval())
image, box = np.asarray(Image.open(POLYP).convert("RGB")), [30, 60, 300, 310]
predictor.set_image(image)
logits, _, _ = predictor.predict(box=np.array(box), multimask_output=False, return_logits=True)
answers.add("box", POLYP.name, image, logits[0], prompt={"box": box})
answers.write()
