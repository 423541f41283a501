"""`sam4mis add`: pasted records without a network, looked-up ones, duplicates, bad input."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import service_answers as answers
from hostile import HOSTILE
from hypothesis import given, settings
from hypothesis import strategies as st
from local_server import Asked, LocalServer, Reply, running
from terminal import environment, here, in_pipe, on_terminal

from catalog.decided import FOLDER, Decisions
from catalog.errors import FindingsError
from catalog.intake import decode, read, sniff
from catalog.intake.draft import short_name
from catalog.intake.latex import split_authors, to_text
from catalog.intake.suggest import suggest_tags
from catalog.records import Paper
from catalog.registry import Registry
from catalog.text import clean
from catalog.vocabulary import vocabularies

PAPERS = """\
# people edit this file
papers:
  - id: medsam   # the first of its kind
    title: Segment anything in medical images
    short_name: MedSAM
    authors: [Jun Ma, Yuting He]
    versions:
      - kind: preprint
        ids: {arxiv: '2304.12306'}
        date: '2023-04-24'
        cite: true
    added: '2026-01-02'
"""
NEW = r"""@article{x,
  title = {PolypSAM-X: {SAM} 2 for colonoscopy videos with {\'e}lan \& 95% care},
  author = {Guti{\'e}rrez, Jos{\'e} and van der Berg, Jr., Maarten and {The MONAI Consortium}},
  journal = {arXiv preprint arXiv:2611.01234},
  year = {2026},
  abstract = {Bounding box prompts, see https://github.com/a/b.}
}
"""
RIS = """TY  - JOUR
AU  - Gutiérrez, José
TI  - PolypSAM-X: SAM 2 for colonoscopy videos
JO  - Medical Image Analysis
PY  - 2026
DO  - 10.1016/j.media.2026.1
ER  -
"""
CSL = json.dumps(
    [
        {
            "type": "article-journal",
            "title": "PolypSAM-X: <i>SAM 2</i> for colonoscopy videos &amp; more",
            "author": [{"family": "Gutiérrez", "given": "José"}],
            "issued": {"date-parts": [[2026, 11]]},
            "container-title": "Medical Image Analysis",
            "DOI": "10.1016/j.media.2026.1",
        }
    ]
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "papers.yaml").write_text(PAPERS, "utf-8")
    return tmp_path


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with running() as local:
        yield local


def text_of(folder: Path) -> str:
    return (folder / "papers.yaml").read_text("utf-8")


def last(folder: Path) -> Paper:
    return Registry.load(folder).papers[-1]


# ------------------------------------------------------------------------- without a network


def test_bibtex_from_a_pipe(folder: Path) -> None:
    ran = in_pipe(folder, "add", "-", "--yes", stdin=NEW.encode())
    assert ran.code == 0, ran.err
    paper = last(folder)
    assert paper.id == "polypsam-x"
    assert paper.title == "PolypSAM-X: SAM 2 for colonoscopy videos with élan & 95% care"
    assert paper.authors == ["José Gutiérrez", "Maarten van der Berg Jr.", "The MONAI Consortium"]
    assert paper.authors_complete
    (version,) = paper.versions
    assert (version.kind, version.ids.arxiv, version.date) == ("preprint", "2611.01234", "2026-11")
    assert paper.links.code == ["https://github.com/a/b"]
    for tag, values in ((paper.modalities, ["endoscopy"]), (paper.prompts_infer, ["box"])):
        assert tag is not None
        assert (tag.values, tag.provenance) == (values, "suggested")
    # the block shown is the block written, and nothing else of the file changed
    assert text_of(folder) == PAPERS + ran.out
    assert "suggested" in ran.err


@pytest.mark.parametrize(("name", "text"), [("x.ris", RIS), ("x.json", CSL), ("x.txt", NEW)])
def test_formats_are_sniffed(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, "utf-8")
    ran = here(folder, "add", str(folder / name), "--yes")
    assert ran.code == 0, ran.err
    assert last(folder).id == "polypsam-x"
    assert last(folder).authors[0] == "José Gutiérrez"


def test_asks_on_a_terminal(folder: Path) -> None:
    (folder / "x.bib").write_text(NEW, "utf-8")
    no = on_terminal(folder, "add", str(folder / "x.bib"), typed="n\n")
    assert "Add 1 work to papers.yaml?" in no.out
    assert text_of(folder) == PAPERS
    on_terminal(folder, "add", str(folder / "x.bib"), typed="y\n")
    assert last(folder).id == "polypsam-x"


def test_never_asks_in_a_pipe_and_writes_only_when_told(folder: Path) -> None:
    ran = here(folder, "add", "-", stdin=NEW.encode())
    assert ran.code == 2
    assert "--yes" in ran.err
    assert "polypsam-x" in ran.out
    dry = here(folder, "add", "-", "--dry-run", stdin=NEW.encode())
    assert (dry.code, dry.out) == (0, ran.out)
    assert text_of(folder) == PAPERS


def test_several_entries_at_once(folder: Path) -> None:
    two = NEW + "@misc{b, title={Another thing}, author={Ada Lovelace}, year=2025}"
    assert here(folder, "add", "-", "--yes", stdin=two.encode()).code == 0
    assert [p.id for p in Registry.load(folder).papers][1:] == [
        "polypsam-x",
        "lovelace-2025-another-thing",
    ]


# ------------------------------------------------------------------------------- duplicates


@pytest.mark.parametrize(
    "entry",
    [
        "@article{a, title={Segment Anything in Medical Images}, author={Ma, J.}, "
        "doi={10.1038/s41467-024-44824-z}, journal={Nature Communications}, year={2024}}",
        "@misc{a, title={SEGMENT anything, in Medical Images!}, author={Ma, J.}}",
    ],
)
def test_duplicate_is_refused_with_which_since_when_and_the_way_out(
    folder: Path, entry: str
) -> None:
    ran = here(folder, "add", "-", "--yes", stdin=entry.encode())
    assert ran.code == 1
    assert "medsam (Segment anything in medical images)" in ran.err
    assert "since 2026-01-02" in ran.err
    assert "sam4mis add - --as-version a=medsam" in ran.err
    assert text_of(folder) == PAPERS


def test_a_version_that_is_there_is_not_offered_again(folder: Path) -> None:
    entry = (
        "@misc{a, title={Segment anything in medical images}, author={Ma, J.}, eprint={2304.12306}}"
    )
    ran = here(folder, "add", "-", "--yes", stdin=entry.encode())
    assert ran.code == 1
    assert "This version is there too. See: sam4mis show medsam" in ran.err
    assert "--as-version" not in ran.err


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (NEW.replace("year =", "note = {Code: https://github.com/a/c.git}, year ="), ""),
        (NEW.replace("year =", r"howpublished = {\url{https://github.com/a/c}}, year ="), ""),
        (NEW.replace("year =", "url = {https://github.com/a/c}, year ="), ""),
        (
            NEW.replace("year =", "note = {Best paper, code at https://github.com/a/c.}, year ="),
            "note = 'Best paper, code at'",
        ),
        (
            NEW.replace("year =", "note = {Code: https://github.com/a/c and a prize}, year ="),
            "note = 'Code: and a prize'",
        ),
        (RIS.replace("DO  -", "UR  - https://github.com/a/c\nDO  -"), ""),
        (CSL.replace('"DOI"', '"note": "see https://github.com/a/c", "DOI"'), "note = 'see'"),
    ],
)
def test_code_that_a_record_names_is_taken_and_the_rest_is_told(
    folder: Path, text: str, left: str
) -> None:
    ran = here(folder, "add", "-", "--yes", stdin=text.encode())
    assert ran.code == 0, ran.err
    paper = last(folder)
    assert "https://github.com/a/c" in (paper.links.code or [])
    assert "Check that it is this work's" in ran.err
    assert all(not (version.url or "").startswith("https://github") for version in paper.versions)
    assert (left in ran.err) if left else ("Not taken" not in ran.err)


@pytest.mark.parametrize(
    ("text", "source"),
    [(NEW, "BibTeX entry x"), (RIS, "RIS record"), (CSL, "CSL-JSON item")],
)
def test_a_record_says_what_it_was_made_of(folder: Path, text: str, source: str) -> None:
    assert here(folder, "add", "-", "--yes", stdin=text.encode()).code == 0
    assert last(folder).sources == [source]
    assert here(folder, "check").code == 0


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("for colonoscopy", "very " * 400_000, "title: has 2,000,0"),
        ("The MONAI Consortium", "Monai" * 60, "author: has 300 characters, more than 200"),
        ("arXiv preprint", "Journal of " * 40, "venue: has"),
    ],
)
def test_a_field_that_swallowed_a_file_is_refused(
    folder: Path, old: str, new: str, told: str
) -> None:
    ran = here(folder, "add", "-", "--yes", stdin=NEW.replace(old, new).encode())
    assert ran.code == 1
    assert told in ran.err
    assert len(ran.err) < 600
    assert "look whether a brace or a line end is missing" in ran.err
    assert text_of(folder) == PAPERS


def test_ten_people_add_at_once(folder: Path) -> None:
    """Five add works of their own that want the same id, five one and the same work."""
    words = ["polyp", "heart", "tooth", "retina", "nerve"]
    own = [
        NEW.replace("{SAM} 2 for colonoscopy videos", f"{word} segmentation")
        .replace("2611.01234", f"2611.0{number}234")
        .replace("Guti{\\'e}rrez, Jos{\\'e}", f"{word.title()}son, Ada")
        for number, word in enumerate(words)
    ]
    texts = [text for one in own for text in (one, RIS.replace("PolypSAM-X", "OtherSAM"))]
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "catalog", "add", "-", "--yes"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment(folder),
        )
        for _ in texts
    ]
    said = [
        process.communicate(text.encode())[1].decode()
        for process, text in zip(started, texts, strict=True)
    ]
    papers = Registry.load(folder).papers
    assert len(papers) == 7, said
    assert len({paper.id for paper in papers}) == 7
    assert [process.returncode for process in started].count(0) == 6
    refused = [text for text, process in zip(said, started, strict=True) if process.returncode]
    assert all("sam4mis show othersam" in text for text in refused), refused
    assert text_of(folder).startswith(PAPERS)


def test_a_file_that_is_not_there_names_the_ways(folder: Path) -> None:
    ran = here(folder, "add", "nosuch.bib")
    assert ran.code == 2
    assert "there is no file 'nosuch.bib'" in ran.err
    assert "sam4mis add -" in ran.err


def test_second_entry_of_one_paste_is_a_duplicate_too(folder: Path) -> None:
    ran = here(folder, "add", "-", "--yes", stdin=(NEW + NEW).encode())
    assert ran.code == 0
    assert "This version is there too. See: sam4mis show polypsam-x" in ran.err
    assert text_of(folder) == PAPERS + ran.out
    assert len(Registry.load(folder).papers) == 2


def test_as_version_adds_the_version_and_changes_one_record(folder: Path) -> None:
    published = (
        "@article{m, title={Segment anything in medical images, revisited}, "
        "author={Ma, Jun and He, Yuting and Li, Feifei}, journal={Nature Communications}, "
        "year=2024, month=jan, doi={10.1038/s41467-024-44824-z}}"
    )
    arguments = ("add", "-", "--yes", "--as-version", "medsam")
    ran = here(folder, *arguments, stdin=published.encode())
    assert ran.code == 0, ran.err
    paper = last(folder)
    assert [(v.kind, v.cite) for v in paper.versions] == [("preprint", False), ("journal", True)]
    assert paper.title_aliases == ["Segment anything in medical images, revisited"]
    assert paper.authors == ["Jun Ma", "Yuting He", "Feifei Li"]
    assert "# people edit this file" in text_of(folder)
    assert "# the first of its kind" in text_of(folder)
    again = here(folder, *arguments, stdin=published.encode())
    assert again.code == 1
    assert "already" in again.err


def test_different_adds_what_only_looks_alike(folder: Path) -> None:
    entry = b"@misc{a, title={Segment anything in medical images}, author={Jun Ma}, year=2026}"
    assert here(folder, "add", "-", "--yes", stdin=entry).code == 1
    assert here(folder, "add", "-", "--yes", "--different", "b", stdin=entry).code == 2
    because = ("--because", "Another Jun Ma, on dogs.")
    assert here(folder, "add", "-", "--yes", "--different", "a", *because, stdin=entry).code == 0
    assert last(folder).id != "medsam"
    (decision,) = Decisions(folder / FOLDER).not_duplicates
    assert (decision.papers, decision.reason) == ([last(folder).id, "medsam"], because[1])
    assert decision.source.startswith("given to sam4mis add, 20")
    assert here(folder, "check").code == 0
    assert "D00" not in here(folder, "doctor", "--severity", "warning").out  # nobody looks twice


def test_decisions_are_per_entry_and_the_rest_goes_in(folder: Path) -> None:
    """One like a work that is there, one without authors, one left out before, one new."""
    (folder / "catalog/data").mkdir(parents=True)
    (folder / "catalog/data/screening.yaml").write_text(
        "decided:\n- {id: 2611.00009, title: Dogs, decision: exclude, reason: not-medical,"
        " date: '2026-11-01'}\n".replace("2611.00009", "'2611.00009'")
    )
    entries = (
        "@misc{alike, title={Segment anything in medical images}, author={Jun Ma}, year=2026}\n"
        "@misc{nobody, title={A work of nobody}, year=2026}\n"
        "@misc{dogs, title={SAM for dogs}, author={C D}, eprint={2611.00009}}\n" + NEW
    ).encode()
    ran = here(folder, "add", "-", "--yes", stdin=entries)
    assert ran.code == 1
    assert [p.id for p in Registry.load(folder).papers] == ["medsam", "polypsam-x"]
    for way in (
        "sam4mis add - --as-version alike=medsam",
        "sam4mis add - --different alike",
        "sam4mis add - --without-authors nobody",
        "sam4mis add - --in-scope dogs",
    ):
        assert way in ran.err
    assert "it was left out on 2026-11-01: not-medical" in ran.err
    decided = ("--as-version", "alike=medsam", "--without-authors", "nobody", "--in-scope", "dogs")
    again = here(folder, "add", "-", "--yes", *decided, stdin=entries)
    assert again.code == 0, again.err
    medsam, *rest = Registry.load(folder).papers
    assert len(medsam.versions) == 2
    assert [p.title for p in rest][1:] == ["A work of nobody", "SAM for dogs"]
    assert [j.paper for j in Decisions(folder / FOLDER).joined] == ["medsam"]
    assert here(folder, "check").code == 0


# -------------------------------------------------------------------------------- looked up


def urls(server: LocalServer) -> dict[str, str]:
    names = ("arxiv", "crossref", "europepmc", "openreview")
    return {"SAM4MIS_QUICK": "1"} | {f"SAM4MIS_URL_{n.upper()}": f"{server.url}/{n}" for n in names}


@pytest.mark.parametrize(
    "what",
    [
        "2611.01234",
        "https://arxiv.org/pdf/2611.01234v2",
        "10.1016/j.media.2026.1",
        "PMID:38253604",
        "https://openreview.net/forum?id=5RuCR0fYZG",
        "https://www.sciencedirect.com/science/article/pii/S0925231226005047",
    ],
)
def test_looked_up(folder: Path, server: LocalServer, what: str) -> None:
    entry = answers.arxiv_entry(
        "2611.01234v2", "PolypSAM-X: videos", published="2026-11-02T00:00:00Z"
    )
    work = answers.crossref_work(title=["PolypSAM-X: videos"], DOI="10.1016/j.media.2026.1")
    server.routes = {
        "/arxiv": [Reply(answers.arxiv_feed(entry))],
        "/crossref/works/": [Reply(answers.crossref(work))],
        "/crossref/works": [Reply(answers.crossref_list(work))],
        "/europepmc": [
            Reply(answers.europepmc(answers.europepmc_result(title="PolypSAM-X", doi="10.1/y")))
        ],
        "/openreview": [Reply(answers.openreview_note(title="PolypSAM-X: videos"))],
    }
    ran = here(folder, "add", what, "--yes", extra=urls(server))
    assert ran.code == 0, ran.err
    assert last(folder).id == "polypsam-x"
    assert last(folder).sources


def test_pasted_identifiers_one_a_line(folder: Path, server: LocalServer) -> None:
    def answer(asked: Asked) -> Reply:
        (arxiv,) = asked.query["id_list"]
        return Reply(answers.arxiv_feed(answers.arxiv_entry(arxiv + "v1", f"Work {arxiv}")))

    server.routes["/arxiv"] = answer
    pasted = b"# two of them\n2611.00001\n\nhttps://arxiv.org/abs/2611.00002v3\n"
    ran = here(folder, "add", "--yes", stdin=pasted, extra=urls(server))
    assert ran.code == 0, ran.err
    found = [p.versions[0].ids.arxiv for p in Registry.load(folder).papers[1:]]
    assert found == ["2611.00001", "2611.00002"]


def test_known_identifier_is_refused_before_anybody_is_asked(
    folder: Path, server: LocalServer
) -> None:
    ran = here(folder, "add", "https://arxiv.org/abs/2304.12306v9", "--yes", extra=urls(server))
    assert ran.code == 1
    assert "medsam" in ran.err
    assert "2026-01-02" in ran.err
    assert server.asked == []


def test_no_network_is_said_quickly_with_the_way_out(folder: Path) -> None:
    nobody = {"SAM4MIS_URL_ARXIV": "http://127.0.0.1:9/query"}
    ran = in_pipe(folder, "add", "2611.01234", extra=nobody)
    assert ran.code == 3
    assert "sam4mis add -" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("reply", "code", "said"),
    [
        (Reply(status=500), 3, "HTTP 500"),
        (Reply(status=429, headers={"Retry-After": "3600"}), 3, "asks to wait 3600 s"),
        (Reply(b"<html>login</html>", content_type="text/html"), 3, "expected an Atom feed"),
        (Reply(answers.ARXIV_ERROR), 1, "has no work"),
        (Reply(answers.arxiv_feed()), 1, "has no work"),
    ],
)
def test_odd_services_leave_the_file_alone(
    folder: Path, server: LocalServer, reply: Reply, code: int, said: str
) -> None:
    server.routes["/arxiv"] = [reply]
    ran = here(folder, "add", "2611.01234", "--yes", extra=urls(server))
    assert (ran.code, said in ran.err) == (code, True), ran.err
    assert text_of(folder) == PAPERS


# -------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@article{a,\n title={x y\n}\n", "x:1: the braces"),
        ("@article{a,\n  title={x}\n  author={y}\n}", "x:2: a: a comma is missing"),
        ("\n\n@misc{d, author={Q}}", "x:3: d.title: is missing"),
        ("@misc{d, title={T}, author={A}, doi={nonsense}}", "x:1: d: doi: expected 10."),
        ("@misc{d, title={T}, author={A}, eprint={zz}}", "x:1: d: eprint: expected an arXiv id"),
        ("@misc{d, title={T}, author={A}, url={javascript:alert(1)}}", "x:1: d: url: expected"),
        ("@comment{nothing}", "x: holds no BibTeX entry"),
        ("TY  - JOUR\nTI  - T\nAU  - A\n", "x:1: ER is missing"),
        ("TY  - JOUR\nAU  - A\nER  - \n", "x:1: TI: is missing"),
        ("ER  - \n", "x:1: ER stands outside"),
        ('[{"title": "T"}, 3]', "x: [1]: expected an object, got int"),
        ('[{"title": "T",}]', "x:1: is no JSON"),
        ("[]", "x: holds no CSL-JSON item"),
        ("hello there", "x: is of no known format"),
        ("", "x: is of no known format"),
    ],
)
def test_each_problem_with_its_place_and_way_out(text: str, expected: str) -> None:
    with pytest.raises(FindingsError) as caught:
        read(text, "x")
    assert expected in str(caught.value)
    assert all(finding.hint for finding in caught.value.findings)


def test_all_problems_at_once() -> None:
    with pytest.raises(FindingsError) as caught:
        read("@misc{a, author={Q}}\n@misc{b, author={T}}\n@misc{c, title={U\n", "x")
    assert [finding.line for finding in caught.value.findings] == [1, 2, 3]


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(FindingsError, match=r"x:2: is not UTF-8: byte 0xe9.*iconv"):
        decode("a\nGutiérrez".encode("latin-1"), "x")
    assert decode("\ufeffé".encode(), "x") == "é"
    assert decode("é".encode("utf-16"), "x") == "é"


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_records_are_harmless(folder: Path, text: str) -> None:
    """Whatever a title holds, the file stays readable and holds the title as plain text."""
    item = {
        "type": "article-journal",
        "title": f"T {text}",
        "author": [{"family": text, "given": "N"}],
        "container-title": text,
        "issued": {"date-parts": [[2026]]},
    }
    ran = here(folder, "add", "-", "--yes", stdin=json.dumps([item]).encode())
    assert ran.code == 0, ran.err
    paper = last(folder)
    assert paper.title == clean(paper.title)
    assert "\x1b" not in ran.out
    assert len(Registry.load(folder).papers) == 2
    assert text_of(folder).startswith(PAPERS)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        drafts = read(text, "x")
    except FindingsError:
        return
    assert all(draft.title for draft in drafts)


@settings(max_examples=40, deadline=None)
@given(st.text(alphabet="@article{}=,\"\\%$ \n'abTY-ER[]:", max_size=120))
def test_text_that_looks_like_a_format_is_read_or_refused(text: str) -> None:
    test_any_text_is_read_or_refused.hypothesis.inner_test(text)  # type: ignore[attr-defined]


# ------------------------------------------------------------------------------ small parts


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"Guti{\'e}rrez", "Gutiérrez"),
        (r"{\L}ukasz \v{S}pan{\v{e}}l", "Łukasz Španěl"),
        (r"M{\"u}ller \& S{\o}n \ss", "Müller & Søn ß"),
        ("{SAM}-{Med2D}: 95% of A & B", "SAM-Med2D: 95% of A & B"),
        (r"\input{/etc/passwd} \write18{rm}", "rm"),
        ("``quoted'' -- and --- dashes", "“quoted” – and — dashes"),
        ("plain", "plain"),
    ],
)
def test_latex_is_decoded(latex: str, text: str) -> None:
    assert to_text(latex).removeprefix("18").strip() == text


def test_authors_of_bibtex() -> None:
    assert split_authors("Ma, Jun and {A and B Group} and others") == (
        ["Jun Ma", "A and B Group"],
        False,
    )
    assert split_authors("Ludwig van Beethoven AND Ada  Lovelace") == (
        ["Ludwig van Beethoven", "Ada Lovelace"],
        True,
    )


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("SAM-Med2D: a study", "SAM-Med2D"),
        ("MedSAM2", "MedSAM2"),
        ("Segment Anything: a study", None),
        ("A study of SAM", None),
        ("SAM Fails to Segment Anything? -- x", None),
    ],
)
def test_short_name(title: str, name: str | None) -> None:
    assert short_name(title) == name


def test_suggested_tags_are_of_the_vocabularies() -> None:
    from catalog.intake.suggest import _patterns

    for field, patterns in _patterns().items():
        assert set(patterns) <= set(vocabularies()[field].terms), field


def test_suggestions_agree_with_what_people_tagged(root: Path, tmp_path: Path) -> None:
    """Of the modalities suggested from titles of the registry, most are what was found out."""
    shutil.copy(root / "papers.yaml", tmp_path)
    right = wrong = 0
    for paper in Registry.load(tmp_path).papers:
        tag = suggest_tags(paper.title).get("modalities")
        if tag and paper.modalities and isinstance(paper.modalities.values, list):
            known = set(paper.modalities.values)
            if "multi" in known:
                continue
            right += len(set(tag.values) & known)
            wrong += len(set(tag.values) - known)
    assert right > 50
    assert right / (right + wrong) > 0.9, (right, wrong)


def test_digits_are_not_confused() -> None:
    base = suggest_tags("Comparing SAM, SAM 2, SAM 3, MedSAM2 and SAM-Med3D")["base_models"]
    assert base.values == ["sam3", "sam2", "sam", "medsam2", "sam-med3d"]
    assert suggest_tags("SAM3D for volumes").get("base_models") is None


def test_sniffing() -> None:
    assert [sniff(text) for text in (NEW, RIS, CSL, "2304.12306\n")] == [
        "bibtex",
        "ris",
        "csl-json",
        "identifiers",
    ]
