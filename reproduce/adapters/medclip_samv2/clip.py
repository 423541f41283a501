"""BiomedCLIP under the names of its release for `transformers`: PubMedBERT and a ViT-B/16.

Both towers have the same layers, normalised before their parts (image) or after them (text).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

from catalog.errors import InputError
from reproduce.models.sam import load_strictly

HEAD = 64  # channels of one head of attention
EPSILON = 1e-12


def norm(width: int) -> nn.LayerNorm:
    return nn.LayerNorm(width, eps=EPSILON)


class Attention(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        for name in ("k_proj", "v_proj", "q_proj", "out_proj"):
            self.add_module(name, nn.Linear(width, width))

    def forward(self, x: Tensor) -> Tensor:
        def heads(name: str) -> Tensor:
            out: Tensor = self.get_submodule(name)(x)
            return out.reshape(*out.shape[:2], -1, HEAD).transpose(1, 2)

        seen = scaled_dot_product_attention(heads("q_proj"), heads("k_proj"), heads("v_proj"))
        out: Tensor = self.get_submodule("out_proj")(seen.transpose(1, 2).flatten(2))
        return out


class Layer(nn.Module):
    """before: normalised before its parts, as in the tower of images, or after them."""

    def __init__(self, width: int, inner: int, before: bool) -> None:
        super().__init__()
        self.before = before
        self.layer_norm1, self.layer_norm2 = norm(width), norm(width)
        self.self_attn = Attention(width)
        self.mlp = nn.Module()
        self.mlp.fc1, self.mlp.fc2 = nn.Linear(width, inner), nn.Linear(inner, width)

    def widened(self, x: Tensor) -> Tensor:
        out: Tensor = self.mlp.fc2(gelu(self.mlp.fc1(x)))  # type: ignore[operator]  # nn.Linear
        return out

    def forward(self, x: Tensor) -> Tensor:
        if self.before:
            x = x + self.self_attn(self.layer_norm1(x))
            return x + self.widened(self.layer_norm2(x))
        x = self.layer_norm1(x + self.self_attn(x))
        out: Tensor = self.layer_norm2(x + self.widened(x))
        return out


class Tower(nn.Module):
    """Layers under `encoder.layers`, and what makes tokens of an image or of words."""

    def __init__(self, width: int, inner: int, depth: int, before: bool) -> None:
        super().__init__()
        self.embeddings = nn.Module()
        self.encoder = nn.Module()
        self.encoder.layers = nn.ModuleList(Layer(width, inner, before) for _ in range(depth))

    @property
    def layers(self) -> nn.ModuleList:
        found = self.encoder.layers
        assert isinstance(found, nn.ModuleList)
        return found


class ImageTower(Tower):
    def __init__(self, width: int, inner: int, depth: int, places: int, patch: int) -> None:
        super().__init__(width, inner, depth, before=True)
        self.side = round((places - 1) ** 0.5) * patch
        self.embeddings.class_embedding = nn.Parameter(torch.empty(width))
        self.embeddings.patch_embedding = nn.Conv2d(3, width, patch, patch)
        self.embeddings.position_embedding = nn.Embedding(places, width)
        self.post_layernorm = norm(width)

    def until(self, pixels: Tensor, layer: int) -> Tensor:
        """(1, 3, side, side) -> what a layer (counted from 0) gives, (1, places, width)."""
        own = self.embeddings
        patches = own.patch_embedding(pixels).flatten(2).mT  # type: ignore[operator]  # nn.Conv2d
        first = own.class_embedding.expand(1, 1, -1)  # type: ignore[operator]  # a parameter
        x: Tensor = torch.cat([first, patches], dim=1)
        x = x + own.position_embedding.weight  # type: ignore[union-attr,operator]  # nn.Embedding
        for number in range(layer + 1):
            x = self.layers[number](x)
        return x

    def after(self, x: Tensor, layer: int) -> Tensor:
        """From there to the end: (N, places, width) -> (N, width)."""
        for number in range(layer + 1, len(self.layers)):
            x = self.layers[number](x)
        out: Tensor = self.post_layernorm(x[:, 0])
        return out


class TextTower(Tower):
    def __init__(self, width: int, inner: int, depth: int, words: int, longest: int) -> None:
        super().__init__(width, inner, depth, before=False)
        self.embeddings.token_embedding = nn.Embedding(words, width)
        self.embeddings.position_embedding = nn.Embedding(longest, width)
        self.embeddings.token_type_embedding = nn.Embedding(2, width)
        self.embeddings.layer_norm = norm(width)

    def forward(self, tokens: Tensor) -> Tensor:
        """(1, n) token numbers -> (1, width)."""
        own = self.embeddings
        x = own.token_embedding(tokens)  # type: ignore[operator]  # nn.Embedding
        x = x + own.token_type_embedding.weight[0]  # type: ignore[union-attr,index]
        x = x + own.position_embedding.weight[: tokens.shape[1]]  # type: ignore[union-attr,index]
        x = own.layer_norm(x)  # type: ignore[operator]  # nn.LayerNorm
        for layer in self.layers:
            x = layer(x)
        out: Tensor = x[:, 0]
        return out


class BiomedClip(nn.Module):
    def __init__(
        self, image: ImageTower, text: TextTower, sizes: tuple[int, int, int, int]
    ) -> None:
        """sizes: widths of both towers, of what lies between text and the common space, of that."""
        super().__init__()
        seen, told, between, common = sizes
        self.text_model, self.vision_model = text, image
        self.visual_projection = nn.Linear(seen, common, bias=False)
        self.text_projection = nn.Module()
        self.text_projection.fc1 = nn.Linear(told, between, bias=False)
        self.text_projection.fc2 = nn.Linear(between, common, bias=False)
        self.logit_scale = nn.Parameter(torch.empty(()))

    def told(self, tokens: Tensor) -> Tensor:
        """(1, n) token numbers -> (1, common)."""
        between = self.text_projection.fc1(self.text_model(tokens))  # type: ignore[operator]
        out: Tensor = self.text_projection.fc2(gelu(between))  # type: ignore[operator]
        return out

    def seen(self, x: Tensor, layer: int) -> Tensor:
        """What a layer of the image's tower gave, (N, places, width) -> (N, common)."""
        out: Tensor = self.visual_projection(self.vision_model.after(x, layer))
        return out


#: Tables of numbers that older versions of `transformers` write beside the weights.
COUNTED = (
    "text_model.embeddings.position_ids",
    "text_model.embeddings.token_type_ids",
    "vision_model.embeddings.position_ids",
)


def load(state: Mapping[str, Tensor]) -> BiomedClip:
    """Strictly; sizes are read off the shapes. Raises `InputError` for another file."""
    state = {key: value for key, value in state.items() if key not in COUNTED}
    shape = {key: tuple(value.shape) for key, value in state.items()}

    def depth(tower: str) -> int:
        start = f"{tower}.encoder.layers."
        return len({key[len(start) :].split(".")[0] for key in state if key.startswith(start)})

    try:
        seen, _, patch, _ = shape["vision_model.embeddings.patch_embedding.weight"]
        places, _ = shape["vision_model.embeddings.position_embedding.weight"]
        words, told = shape["text_model.embeddings.token_embedding.weight"]
        longest, _ = shape["text_model.embeddings.position_embedding.weight"]
        (inner, _), (wide, _) = (
            shape[f"{tower}.encoder.layers.0.mlp.fc1.weight"]
            for tower in ("vision_model", "text_model")
        )
        common, between = shape["text_projection.fc2.weight"]
    except (KeyError, ValueError):
        raise InputError(
            "the checkpoint is not BiomedCLIP's: expected, among others, "
            "vision_model.embeddings.patch_embedding.weight, text_projection.fc2.weight and "
            f"text_model.encoder.layers.0.mlp.fc1.weight; got {len(state)} tensors, the first "
            f"ones {', '.join(sorted(state)[:5]) or 'none'}."
        ) from None
    with torch.device("meta"):
        image = ImageTower(seen, inner, depth("vision_model"), places, patch)
        text = TextTower(told, wide, depth("text_model"), words, longest)
        net = BiomedClip(image, text, (seen, told, between, common))
    load_strictly(net, state)
    return net.eval()
