"""MIC-DKFZ/VoxTell: its predictor on a folder as released, with a bank of seeded embeddings.

With PEER_LAYOUTS names and shapes of its state dicts are written there, and nothing is run.
"""

import gzip
import json
import os
import sys
from functools import partial
from pathlib import Path

import numpy as np
import torch
import voxtell.inference.predictor as theirs
from authors import OUT, Answers
from made import stack_of
from seeded import layout, seeded
from voxtell.model.voxtell_model import VoxTellModel

LAYERS = "torch.nn.modules"
#: What the predictor gives its network, and what stands for it in a small one.
TEXT = {
    "text_embedding_dim": 2560,
    "query_dim": 2048,
    "project_to_decoder_hidden_dim": 2048,
    "num_heads": 32,
}
SMALL_TEXT = {
    "text_embedding_dim": 12,
    "query_dim": 48,
    "project_to_decoder_hidden_dim": 16,
    "num_heads": 2,
}
CONFIGS = dict(VoxTellModel.DECODER_CONFIGS)
SMALL_CONFIGS = {
    stage: {"channels": 4 if stage < 2 else 8, "shape": (64 >> stage,) * 3} for stage in range(6)
}
SIZES = {
    "voxtell": ([32, 64, 128, 256, 320, 320], [1, 3, 4, 6, 6, 6], 192, TEXT, CONFIGS),
    "voxtell_scaled": ([4, 4, 8, 8, 8, 8], [1] * 6, 64, SMALL_TEXT, SMALL_CONFIGS),
}


def plans_of(widths, blocks, patch):
    given = {
        "n_stages": len(widths),
        "features_per_stage": widths,
        "conv_op": f"{LAYERS}.conv.Conv3d",
        "kernel_sizes": [[3, 3, 3]] * len(widths),
        "strides": [[1, 1, 1]] + [[2, 2, 2]] * (len(widths) - 1),
        "n_blocks_per_stage": blocks,
        "n_conv_per_stage_decoder": [1] * (len(widths) - 1),
        "conv_bias": True,
        "norm_op": f"{LAYERS}.instancenorm.InstanceNorm3d",
        "norm_op_kwargs": {"eps": 1e-05, "affine": True},
        "dropout_op": None,
        "dropout_op_kwargs": None,
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    }
    architecture = {
        "arch_kwargs": given,
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }
    return {
        "configurations": {"3d_fullres": {"patch_size": [patch] * 3, "architecture": architecture}}
    }


if folder := os.environ.get("PEER_LAYOUTS"):
    import pydoc

    for name, (widths, blocks, patch, text, configs) in SIZES.items():
        plans = plans_of(widths, blocks, patch)
        made = plans["configurations"]["3d_fullres"]["architecture"]
        given = dict(made["arch_kwargs"])
        for key in made["_kw_requires_import"]:
            given[key] = given[key] and pydoc.locate(given[key])
        VoxTellModel.DECODER_CONFIGS = configs
        with torch.device("meta"):
            network = VoxTellModel(input_channels=1, **given, decoder_layer=4, **text)
        document = {
            "source": "MIC-DKFZ/VoxTell @ 8ef0332aec5d5dff925d6f6370386c00334b57ab",
            "documents": {"plans.json": plans},
            "bank": {
                "labels": ["liver", "Left Kidney", "tissue"],
                "width": text["text_embedding_dim"],
            },
            "tensors": {k: list(v.shape) for k, v in network.state_dict().items()},
        }
        packed = gzip.compress(json.dumps(document).encode(), mtime=0)
        Path(folder, f"{name}.json.gz").write_bytes(packed)
    sys.exit()

answers = Answers()


def predictor_of(name):
    """A folder as released, read by their own loader."""
    document = layout(name)
    model = OUT / name
    (model / "fold_0").mkdir(parents=True, exist_ok=True)
    for file, held in document["documents"].items():
        (model / file).write_text(json.dumps(held), "utf-8")
    state = seeded(document)
    bank = model / "text_embeddings.npz"
    bank.write_bytes(state["file.text_embeddings.npz"].numpy().tobytes())
    weights = {k: v for k, v in state.items() if not k.startswith("file.")}
    torch.save({"network_weights": weights}, model / "fold_0/checkpoint_final.pth")
    *_, text, configs = SIZES[name]
    VoxTellModel.DECODER_CONFIGS = configs

    def network(**given):
        return VoxTellModel(**given | text)

    theirs.VoxTellModel = partial(network)
    return theirs.VoxTellPredictor(str(model), torch.device("cpu"), embedding_bank=str(bank))


def run(part, name, stack, weights):
    predictor = predictor_of(weights)
    asked = ["left kidney", "liver"]
    values = stack_of(stack)
    embedded = predictor.embed_text_prompts(asked)
    data, box, shape = predictor.preprocess(values[None])
    logits = predictor.predict_sliding_window_return_logits(data, embedded).float().numpy()
    masks = predictor.predict_single_image(values[None], text_embeddings=embedded) > 0
    whole = np.full((len(asked), *shape), -65504, np.float32)
    whole[(slice(None), *(slice(*ends) for ends in box))] = logits
    answers.add_stack(
        part,
        name,
        stack,
        whole[:, None],
        masks=masks,
        weights=[weights],
        strip="",
        prompts=[{"text": "left kidney"}, {"text": "liver"}],
        take="scores",
    )


WAVES = {"of": "waves", "cut": [[0, 5], [0, 40], [0, 70]], "hu": [-150, 250]}
CT = {"of": "ct", "cut": [[0, 16], [180, 270], [160, 240]], "hu": [-150, 250]}
NAMED = "slices 0 to 15 of CT_Lesion_000001_02_01_008-023.npz cut to 90x80"
run("small network", "waves", WAVES, "voxtell_scaled")
run("real slices", f"{NAMED}, small network", CT, "voxtell_scaled")
if "PEER_SMALL" not in os.environ:
    run("text", f"{NAMED}, full network", CT, "voxtell")
answers.write()
