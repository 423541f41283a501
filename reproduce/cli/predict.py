"""`sam4mis reproduce predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from catalog.cli import completing

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def predict(
    target: Annotated[
        str,
        typer.Argument(
            metavar="PROJECT",
            help="A project, or an adapter with --checkpoint.",
            autocompletion=completing.projects,
        ),
    ],
    images: Annotated[Path, typer.Option("--images", help="Folder of pictures, volumes, DICOM.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for masks, overlays and the table.")],
    checkpoint: Annotated[
        list[Path] | None, typer.Option("--checkpoint", help="Use this weights file.")
    ] = None,
    weights: Annotated[
        str | None, typer.Option("--weights", metavar="ID", help="Which of the project's weights.")
    ] = None,
    boxes: Annotated[
        Path | None, typer.Option("--boxes", help="CSV, COCO JSON, or a folder of masks.")
    ] = None,
    points: Annotated[
        Path | None, typer.Option("--points", help="CSV, or a folder of masks.")
    ] = None,
    masks: Annotated[
        Path | None, typer.Option("--masks", help="Folder of masks that the model is shown.")
    ] = None,
    text: Annotated[
        list[str] | None,
        typer.Option("--text", help="Words, again for one class more; or CSV, JSON: image, words."),
    ] = None,
    prompts: Annotated[
        str | None,
        typer.Option("--prompts", help="Prompt profile that makes prompts of masks."),
    ] = None,
    allow_prompt: Annotated[
        list[str] | None,
        typer.Option("--allow-prompt", help="A kind the weights weren't trained for."),
    ] = None,
    plugin: Annotated[
        list[Path] | None, typer.Option("--plugin", help="A file with an adapter of your own.")
    ] = None,
    modality: Annotated[
        str | None, typer.Option("--modality", help="Of your images: ct, mri, endoscopy ...")
    ] = None,
    video: Annotated[
        bool, typer.Option("--video", help="Each folder of pictures is a video.")
    ] = False,
    window: Annotated[
        str | None,
        typer.Option("--window", metavar="LOW,HIGH", help="Values that become black and white."),
    ] = None,
    spacing: Annotated[
        str | None, typer.Option("--spacing", metavar="MM[,MM]", help="Pixel size of pictures.")
    ] = None,
    channels: Annotated[
        str, typer.Option("--channels", help="Of nnU-Net's _0000, _0001: a number, or all.")
    ] = "0",
    threshold: Annotated[float, typer.Option("--threshold", min=0, max=1)] = 0.5,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Option of the adapter."),
    ] = None,
    device: Annotated[
        str | None, typer.Option("--device", help="cpu, cuda, cuda:1 or mps.")
    ] = None,
    precision: Annotated[
        str,
        typer.Option(
            "--precision", help="float32, bfloat16, float16; auto: what is quickest here."
        ),
    ] = "float32",
    nifti: Annotated[
        bool, typer.Option("--nifti", help="Masks of DICOM series as NIfTI, not DICOM SEG.")
    ] = False,
    keep_patient: Annotated[
        bool, typer.Option("--keep-patient", help="Name, number, dates of DICOM go into the masks.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done and stop.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="The record, for machines.")] = False,
) -> None:
    """Run a released model on your own images: masks on their grid, overlays, a table.

    Research software, not for clinical use. Nothing leaves this machine; weights that are missing
    are downloaded (--dry-run says which). The same command goes on where it stopped.

    A table of boxes has the columns image, x0, y0, x1, y1, and label, z or z0 and z1, object where
    they are needed; one of points image, x, y, and label, z, positive (0: off the object). x is the
    column, y the row, z the plane of the file, counted from 0.

    Exit status: 0 every case is done; 1 some are not, or not wholly: each is told, the others are
    there; 2 wrong usage; 3 something is missing here.

    \b
    Examples:
      sam4mis reproduce predict lwnet --images eyes/ --out found/ --dry-run
      sam4mis reproduce predict medsam --images scans/ --boxes boxes.csv --out found/
    """
    from reproduce.ground.extras import need_extra

    need_extra("predicting")
    from reproduce.ground.plugins import add

    for path in plugin or ():
        add(path)
    from reproduce.cli.arguments import pairs
    from reproduce.cli.predicting import predict_command
    from reproduce.ground.ending import ended_by_sigterm
    from reproduce.predicting.folder import Asked

    with ended_by_sigterm():
        predict_command(
            Asked(
                target=target,
                images=images,
                out=out,
                checkpoints=tuple(checkpoint or ()),
                weights=weights,
                boxes=boxes,
                points=points,
                masks=masks,
                text=tuple(text or ()),
                prompts=prompts,
                allow_prompts=tuple(allow_prompt or ()),
                modality=modality,
                video=video,
                window=window,
                spacing_mm=spacing,
                channels=channels,
                threshold=threshold,
                options=pairs(set_ or (), "--set"),
                device=device,
                precision=precision,
                nifti=nifti,
                keep_patient=keep_patient,
            ),
            dry_run=dry_run,
            json=json_,
        )
