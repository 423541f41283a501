"""CLIP's text tower (ViT-B/32), under the names of OpenAI's state dict."""

from __future__ import annotations

import torch
from torch import nn

from catalog.errors import InputError

HEAD = 64  # width of an attention head
BEGIN, END = 49406, 49407
# What CLIP's byte pair encoding makes of the words of the release's labels. The vocabulary itself
# (1.3 MB) is not here; words are independent of each other in it.
TOKENS = {
    "abdominal": (39328,),
    "adrenals": (24204, 938),
    "atelectasis": (992, 944, 6538, 533),
    "background": (5994,),
    "bipolar": (37097,),
    "bladder": (33593,),
    "blood": (3590,),
    "bones": (9476,),
    "calcification": (22824, 4523),
    "cardiomegaly": (6211, 3693, 2001, 344),
    "clamps": (13588, 814),
    "connective": (8437, 9313),
    "consolidation": (41111,),
    "covered": (5603,),
    "curved": (25789,),
    "cystic": (46131,),
    "diffuse": (18656, 23386),
    "driver": (4383,),
    "duct": (26829,),
    "effusion": (1490, 9364),
    "electrocautery": (11648, 1121, 4184),
    "emphysema": (908, 6484, 31816),
    "fat": (5484,),
    "fibrosis": (36307,),
    "forceps": (12068, 814),
    "fracture": (28995,),
    "gall": (33374,),
    "gastrointestinal": (23740, 38896),
    "grasper": (782, 15313),
    "grasping": (782, 47113),
    "hepatic": (17724, 2647),
    "hook": (10395,),
    "instrument": (15806,),
    "intestine": (1598, 7098),
    "kidney": (14610,),
    "l": (331,),
    "large": (3638,),
    "left": (1823,),
    "ligament": (48705,),
    "liver": (12639,),
    "maryland": (11379,),
    "mass": (4854,),
    "monopolar": (749, 15173, 625),
    "needle": (19886,),
    "nodule": (578, 691, 579),
    "pancreas": (27708, 601),
    "parenchyma": (3106, 15131, 1226),
    "pleural": (926, 33948),
    "pneumothorax": (28714, 617, 4130, 9203),
    "polyp": (6833, 335),
    "probe": (14359,),
    "prograsp": (644, 34975),
    "retractor": (515, 14607),
    "right": (1155,),
    "scissors": (30867,),
    "sealer": (21381, 528),
    "small": (2442,),
    "spleen": (588, 15940),
    "suction": (42786,),
    "surgical": (16386,),
    "suturing": (605, 5812),
    "thickening": (18417, 1133),
    "thread": (8815,),
    "tissue": (15368,),
    "tract": (4690,),
    "ultrasound": (29717,),
    "vein": (29169,),
    "vessel": (16387,),
    "vessels": (22822,),
    "wall": (2569,),
}


def tokens_of(text: str) -> list[int]:
    """Token numbers of a label, with those of begin and end; case does not matter.

    Raises `InputError` for a word that none of the release's labels has.

    >>> tokens_of("Polyp")
    [49406, 6833, 335, 49407]
    """
    words = text.lower().split()
    if unknown := [word for word in words if word not in TOKENS] or (["nothing"] * (not words)):
        raise InputError(
            f"adaptivesam: no tokens for {', '.join(unknown)} of the label {text!r}: it was "
            f"trained on labels made of {', '.join(TOKENS)}. Name the class by one of them "
            "(option `labels` of most data sets)."
        )
    return [BEGIN, *(number for word in words for number in TOKENS[word]), END]


class ResidualBlock(nn.Module):
    """Attention and MLP, each normalised before and added."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(width, width // HEAD, batch_first=True)
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mlp = nn.ModuleDict(
            {"c_fc": nn.Linear(width, 4 * width), "c_proj": nn.Linear(4 * width, width)}
        )

    def forward(self, x: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        """x (B, L, C); hidden (L, L) is -inf where a token may not look."""
        y = self.ln_1(x)
        x = x + self.attn(y, y, y, need_weights=False, attn_mask=hidden)[0]
        y = self.mlp["c_fc"](self.ln_2(x))
        out: torch.Tensor = x + self.mlp["c_proj"](y * torch.sigmoid(1.702 * y))
        return out


def _blocks(width: int, depth: int) -> nn.Module:
    found = nn.Module()
    found.resblocks = nn.ModuleList(ResidualBlock(width) for _ in range(depth))
    return found


class VisualTower(nn.Module):
    """Names and shapes of CLIP's image tower, which the file holds and nothing here uses."""

    def __init__(self, width: int, depth: int, patch: int, places: int, out: int) -> None:
        super().__init__()
        self.class_embedding = nn.Parameter(torch.empty(width))
        self.positional_embedding = nn.Parameter(torch.empty(places, width))
        self.proj = nn.Parameter(torch.empty(width, out))
        self.conv1 = nn.Conv2d(3, width, patch, stride=patch, bias=False)
        self.ln_pre, self.ln_post = nn.LayerNorm(width), nn.LayerNorm(width)
        self.transformer = _blocks(width, depth)


class Clip(nn.Module):
    """CLIP as far as it reads text."""

    def __init__(
        self, width: int, depth: int, vocabulary: int, context: int, out: int, visual: nn.Module
    ) -> None:
        super().__init__()
        self.visual = visual
        self.token_embedding = nn.Embedding(vocabulary, width)
        self.positional_embedding = nn.Parameter(torch.empty(context, width))
        self.transformer = _blocks(width, depth)
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(torch.empty(width, out))
        self.logit_scale = nn.Parameter(torch.empty(()))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """(L,) token numbers of one text -> (1, out).

        No token sees a later one, so the padding after the end can be left out.
        """
        x = (self.token_embedding(tokens) + self.positional_embedding[: len(tokens)])[None]
        hidden = torch.full((len(tokens),) * 2, -torch.inf, device=x.device).triu(1)
        for block in self.transformer.resblocks:  # type: ignore[union-attr]  # torch types these loosely
            x = block(x, hidden)
        features: torch.Tensor = self.ln_final(x)[:, -1] @ self.text_projection
        return features
