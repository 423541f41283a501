"""Damaged files and answers: each is read, or refused with an error that is told in words.

Subjects are the readers of works, records, answers of services, masks and weights. What is mutated
is small and whole: an entry of each format, this catalog's own records, files that the usual
libraries wrote a moment ago.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from catalog.errors import Sam4misError
from catalog.sources.http import SourceError

from .mutating import instead, of_bytes, of_json, of_text

ROOT = Path(__file__).resolve().parents[2]
Mutation = Callable[[bytes, Random], bytes]


@dataclass(frozen=True)
class Subject:
    """What reads a file. `read` raises what is told in words, or gives anything back."""

    name: str
    content: bytes
    read: Callable[[bytes], object]
    mutations: tuple[Mutation, ...]


class Attack:
    def __init__(self, scratch: Path, _: ExitStack) -> None:
        self.subjects = [*_works(), *_records(scratch), *_answers(), *_files(scratch)]

    def __call__(self, random: Random) -> str | None:
        subject = random.choice(self.subjects)
        content = random.choice((*subject.mutations, instead))(subject.content, random)
        return read(subject, content)


def read(subject: Subject, content: bytes) -> str | None:
    """Read one; what broke, or None."""
    try:
        subject.read(content)
    except (Sam4misError, SourceError):
        return None
    except Exception as error:
        frame = error.__traceback__
        while frame and frame.tb_next:
            frame = frame.tb_next
        where = f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame else ""
        shown = content if len(content) <= 400 else content[:400] + b"..."
        return f"{subject.name}: {type(error).__name__}: {error} at {where}, given {shown!r}"
    return None


def _works() -> list[Subject]:
    from catalog.intake.reading import decode
    from catalog.intake.reading import read as read_works

    def works(content: bytes) -> object:
        drafts = read_works(decode(content, "input"), "input")
        return [draft.to_paper(set(), "2026-11-29") for draft in drafts]

    bib = rb"""@article{ma2024, title = {Segment Anything in {Medical} Images: \emph{a} study},
  author = {Ma, Jun and M\"uller, J{\'o}zef and {The MedSAM Team} and others},
  journal = "Nature Communications", year = 2024, month = jan, volume = {15},
  doi = {10.1038/s41467-024-44824-z}, url = {\url{https://github.com/bowang-lab/MedSAM}},
  eprint = {2304.12306}, archivePrefix = {arXiv}, abstract = {CT and $\alpha$-MRI\,50\%} }
@string{x = "y"} @comment{z}
"""
    ris = b"""TY  - JOUR
TI  - Segment anything in medical images
AU  - Ma, Jun
AU  - He, Yuting
JO  - Nature Communications
PY  - 2024/01/22/
DO  - 10.1038/s41467-024-44824-z
UR  - https://github.com/bowang-lab/MedSAM
N2  - A CT study.
ER  -
"""
    nbib = b"""PMID- 38253604
TI  - Segment anything in medical images.
FAU - Ma, Jun
AU  - Ma J
LID - 10.1038/s41467-024-44824-z [doi]
DP  - 2024 Jan 22
JT  - Nature communications
PT  - Journal Article
AB  - Medical image segmentation
      is a component.
"""
    csl = b"""[{"id": "ma2024", "type": "article-journal", "title": "Segment anything",
 "author": [{"family": "Ma", "given": "Jun"}, {"literal": "MedSAM Team"}],
 "container-title": "Nature Communications", "issued": {"date-parts": [[2024, 1, 22]]},
 "DOI": "10.1038/s41467-024-44824-z", "URL": "https://x.org", "abstract": "CT", "note": "n",
 "update-to": [{"type": "retraction", "DOI": "10.1/x", "updated": {"date-parts": [[2025]]}}]}]"""
    texts = (of_bytes, of_text, of_text)
    return [
        Subject("BibTeX", bib, works, texts),
        Subject("RIS", ris, works, texts),
        Subject("nbib", nbib, works, texts),
        Subject("CSL-JSON", csl, works, (of_json, of_json, of_text)),
    ]


def _records(scratch: Path) -> list[Subject]:
    from catalog.checks import check_registry

    folder = scratch / "registry"
    (folder / "projects").mkdir(parents=True)

    def checked(papers: bytes, project: bytes) -> object:
        (folder / "papers.yaml").write_bytes(papers)
        (folder / "projects" / "selftest.yaml").write_bytes(project)
        return check_registry(folder)[1]

    head = (ROOT / "papers.yaml").read_bytes()[:6000]
    papers = head[: head.rindex(b"\n  - id:") + 1]
    project = (ROOT / "projects" / "selftest.yaml").read_bytes()
    texts = (of_bytes, of_text, of_text)
    return [
        Subject("papers.yaml", papers, lambda content: checked(content, project), texts),
        Subject("projects/*.yaml", project, lambda content: checked(papers, content), texts),
    ]


Asking = tuple[str, bytes, Callable[[Any], Any]]  # service, its answer, what asks it by a client


def services() -> tuple[Asking, ...]:
    """Every service of the catalog that is asked for a work, a repository or a model."""
    sys.path.append(str(ROOT / "tests" / "catalog"))
    import service_answers as given

    from catalog.sources import (
        arxiv_,
        crossref,
        europepmc,
        github,
        huggingface,
        openalex,
        openreview,
        semanticscholar,
    )

    doi = "10.1038/s41467-024-44824-z"
    both = json.loads(given.github_repository()) | json.loads(given.github_tree("a.py"))
    github_says = json.dumps(both).encode()  # a repository and its files, which are asked for too
    return (
        (
            "arXiv",
            given.arxiv_feed(given.arxiv_entry(doi=doi, journal="Nat. Commun. 2024")),
            lambda c: arxiv_.by_ids(c, ["2304.12306"]).get("2304.12306"),
        ),
        ("Crossref", given.crossref(given.crossref_work()), lambda c: crossref.by_doi(c, doi)),
        ("OpenAlex", given.openalex_work(), lambda c: openalex.by_doi(c, doi)),
        (
            "Europe PMC",
            given.europepmc(given.europepmc_result()),
            lambda c: europepmc.by_pmid(c, "1"),
        ),
        ("OpenReview", given.openreview_note(), lambda c: openreview.by_forum(c, "5RuCR0fYZG")),
        (
            "Semantic Scholar",
            given.semanticscholar_paper(),
            lambda c: semanticscholar.by_doi(c, doi),
        ),
        ("GitHub", github_says, lambda c: github.read(c, "bowang-lab/MedSAM")),
        ("GitHub's files", given.github_tree("a.py"), lambda c: github.paths_at(c, "o/n", "a")),
        ("Hugging Face", given.huggingface_model(), lambda c: huggingface.read(c, "o/n")),
    )


def _answers() -> list[Subject]:
    from catalog.sources.http import Answer, Client
    from catalog.sources.settings import Settings

    class Answering(Client):
        """Gives one body to whatever is asked: how it came here is `net`'s concern."""

        def __init__(self, body: bytes) -> None:
            super().__init__(Settings())
            self.body = body

        def get(self, service: str, url: str, *_: Any, **__: Any) -> Answer:
            return Answer(200, self.body, url, "application/json")

    def subject(name: str, content: bytes, ask: Callable[[Client], Any]) -> Subject:
        def sighted(body: bytes) -> object:
            found = ask(Answering(body))
            draft = getattr(found, "draft", None)
            return draft.to_paper(set(), "2026-11-29") if draft else found

        texts = (of_bytes, of_text, of_text)
        return Subject(name, content, sighted, texts if name == "arXiv" else JSON)

    return [subject(*each) for each in services()]


JSON = (of_json, of_json, of_json, of_bytes)


def _files(scratch: Path) -> list[Subject]:
    import nibabel
    import numpy as np
    import torch
    from PIL import Image
    from safetensors.torch import save

    from reproduce.checkpoints.loading import read_state
    from reproduce.readers import read_mask

    labels = np.zeros((16, 12), np.uint8)
    labels[3:9, 2:7] = 1

    def picture(form: str) -> bytes:
        stream = io.BytesIO()
        Image.fromarray(labels * 255).save(stream, form)
        return stream.getvalue()

    def packed(**arrays: Any) -> bytes:
        stream = io.BytesIO()
        np.savez_compressed(stream, **arrays)
        return stream.getvalue()

    def pickled() -> bytes:
        stream = io.BytesIO()
        torch.save({"model": {"a.weight": torch.ones(3, 2), "b": torch.zeros(4)}}, stream)
        return stream.getvalue()

    volume = nibabel.Nifti1Image(np.repeat(labels[..., None], 5, axis=2), np.diag((1, 2, 3, 1)))

    def mask(suffix: str) -> Callable[[bytes], object]:
        def file(content: bytes) -> object:
            path = scratch / f"m{suffix}"
            path.write_bytes(content)
            return read_mask(path)

        return file

    def weights(suffix: str) -> Callable[[bytes], object]:
        def file(content: bytes) -> object:
            path = scratch / f"w{suffix}"
            path.write_bytes(content)
            return read_state(path)

        return file

    tensors = save({"a.weight": torch.ones(3, 2), "b": torch.zeros(4)})
    return [
        *(
            Subject(form, picture(form), mask(f".{form.lower()}"), (of_bytes,))
            for form in ("PNG", "TIFF", "BMP", "GIF")
        ),
        Subject("NIfTI", volume.to_bytes(), mask(".nii"), (of_bytes,)),
        Subject("npz", packed(gts=labels, spacing=[1.0, 1.0, 1.0]), mask(".npz"), (of_bytes,)),
        Subject("torch's zip", pickled(), weights(".pth"), (of_bytes,)),
        Subject("safetensors", tensors, weights(".safetensors"), (of_bytes,)),
    ]
