"""What publishers and reference managers write, and the right reading of each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import service_answers as answers
from hypothesis import given, settings
from hypothesis import strategies as st
from local_server import LocalServer, Reply, running
from terminal import here

from catalog import identifiers
from catalog.checks import problems
from catalog.errors import FindingsError
from catalog.intake import Draft, read, sniff
from catalog.intake.latex import read_latex, split_authors
from catalog.records import Ids, Paper, TakenBack, Version, to_builtins
from catalog.registry import Registry
from catalog.sources import arxiv_, crossref, semanticscholar
from catalog.sources.comparing import merge
from catalog.sources.http import Client
from catalog.sources.settings import SERVICES, Settings

BIB = r"""
@string{tmi = "IEEE Trans. Med. Imaging"}
@inproceedings{escape, author={Zed, Q}, title={Renamed}, year={2023}, booktitle={MICCAI},
  doi={10.1007/978-3-031-43901-8\_61}}
@article{commas, author={John Smith, Jane Doe, Kim Lee}, title={Third}, year={2024}, journal={J}}
@article{semicolons, author={Smith, J.; Doe, J.; Lee, K.}, title={Another}, year={2024}}
@book{biblatex, author={family=Berg, given=Pieter, prefix=van den, useprefix=true and Li, Bo},
  title={Names}, year={2024}}
@article{DBLP:journals/corr/abs-2601-01234,
  author = {Ana Mu{\~{n}}oz 0001 and Wei Zhang 0042 and {\'{E}}va N{\"{a}}gy},
  title = {PolypPrompt: {A} Prompt Bank for {SAM}},
  journal = {CoRR}, volume = {abs/2601.01234}, year = {2026},
  doi = {10.48550/ARXIV.2601.01234}, eprinttype = {arXiv}, eprint = {2601.01234}}
@article{accents, author={Nguy{\~\^e}n Th{\'\u a}ng and Mehmet G{\"o}{\u g}{\"u}{\c s}},
  title={Prompted tum{\"o}r masks: {CT} \& {MRI} at 5\% labels}, journal=tmi, year=2024, month=mar}
@article{markup, author={A, B}, title={{\textless}i{\textgreater}In vivo{\textless}/i{\textgreater}
  segmentation of slices {\textless} 10 mm with $\alpha$-{SAM}}, year={2024}, journal={J}}
"""
RIS = """\
TY  - CONF
TI  - IEEE style SAM for X-ray
T2  - 2024 IEEE International Symposium on Biomedical Imaging (ISBI)
AU  - A. Li
AU  - B. C. Ng
PY  - 2024
DO  - 10.1109/ISBI56570.2024.10635999
Y1  - 27-30 May 2024
ER  -\x20
TY  - CHAP
AU  - Foo, Anna
ED  - Ling, M.
PY  - 2024
DA  - 2024//
TI  - Springer SAM chapter
BT  - Medical Image Computing and Computer Assisted Intervention – MICCAI 2024
PB  - Springer Nature Switzerland
ID  - 10.1007/978-3-031-99999-1_12
ER  -\x20
"""
NBIB = """\
PMID- 38253604
OWN - NLM
DP  - 2024 Jan 22
TI  - Segment anything in medical
      images.
LID - 10.1038/s41467-024-44824-z [doi]
AB  - Medical image segmentation.
FAU - Ma, Jun
AU  - Ma J
FAU - He, Yuting
AU  - He Y
JT  - Nature communications
PMC - PMC10803759
PT  - Journal Article
"""


def drafts(text: str) -> dict[str, Draft]:
    return {draft.key: draft for draft in read(text, "x")}


def one(text: str) -> Draft:
    (draft,) = read(text, "x")
    return draft


# ---------------------------------------------------------------------------------- BibTeX


def test_an_escaped_doi_is_the_doi_wherever_it_stands() -> None:
    doi = "10.1007/978-3-031-43901-8_61"
    assert drafts(BIB)["escape"].version.ids.doi == doi
    assert identifiers.doi(r"10.1007/978-3-031-43901-8\_61") == doi
    ids = Ids(doi=r"10.1007/978-3-031-43901-8\_61")
    version = Version(kind="conference", ids=ids, date="2023", cite=True)
    paper = Paper(
        id="x", title="T", authors=["Ada Author"], authors_complete=True, versions=[version]
    )
    assert [p.code for p in problems(paper)] == ["I001"]


def test_authors_by_commas_and_semicolons() -> None:
    found = drafts(BIB)
    assert found["commas"].authors == ["John Smith", "Jane Doe", "Kim Lee"]
    assert found["semicolons"].authors == ["J. Smith", "J. Doe", "K. Lee"]


@pytest.mark.parametrize(
    ("field", "names"),
    [
        ("Smith, J., Doe, J., Lee, K.", ["J. Smith", "J. Doe", "K. Lee"]),
        ("Smith, Jr., John", ["John Smith Jr."]),
        ("van der Berg, Maarten", ["Maarten van der Berg"]),
        ("Garcia Lopez, Maria Elena", ["Maria Elena Garcia Lopez"]),
        ("{Smith, Doe and Partners}", ["Smith, Doe and Partners"]),
    ],
)
def test_names_with_commas(field: str, names: list[str]) -> None:
    assert split_authors(field) == (names, True)


@pytest.mark.parametrize(
    ("title", "kept", "kind"),
    [
        ("RETRACTED: SAM for polyps", "SAM for polyps", "retracted"),
        ("Retracted Article: SAM for polyps", "SAM for polyps", "retracted"),
        ("[Retracted] SAM for polyps", "SAM for polyps", "retracted"),
        ("WITHDRAWN: SAM for polyps", "SAM for polyps", "withdrawn"),
        ("Retracted tongues under SAM", "Retracted tongues under SAM", None),
        ("Withdrawn:", "Withdrawn:", None),
    ],
)
def test_a_notice_in_front_of_a_title_is_recorded_and_no_title(
    title: str, kept: str, kind: str | None
) -> None:
    (draft,) = read(f"@article{{a, title={{{title}}}, author={{Li, Bo}}, year=2024}}", "x")
    said = draft.version.taken_back
    assert (draft.title, said and said.kind) == (kept, kind)
    assert said is None or said.source == "the title in BibTeX entry a"


def test_entities_and_initials_behind_the_family_are_read_in_every_form() -> None:
    bib = "@article{a, title={Bits \\&amp; SAM}, author={%s}, journal={Computers &amp; Graphics}}"
    (draft,) = read(bib % "Smith J and Doe JD and O'Neil K", "x")
    assert (draft.title, draft.version.venue) == ("Bits & SAM", "Computers & Graphics")
    assert draft.authors == ["J. Smith", "J. D. Doe", "K. O'Neil"]
    (draft,) = read(bib % "Wei LI and Bo WANG", "x")
    assert draft.authors == ["Wei LI", "Bo WANG"]
    (draft,) = read("PMID- 1\nTI  - A SAM\nAU  - Gonz&aacute;lez M\nAU  - Doe JD\n", "x")
    assert draft.authors == ["M. González", "J. D. Doe"]


def test_a_list_that_is_not_sure_is_refused_with_how_it_was_read() -> None:
    with pytest.raises(FindingsError, match=r"B008.*|read as one name, 'C A B'") as caught:
        read("@misc{a, title={T}, author={A, B, C}}", "x")
    assert "read as one name, 'C A B'" in str(caught.value)
    assert " and " in caught.value.findings[0].hint


def test_biblatex_names_and_numbers_of_dblp() -> None:
    found = drafts(BIB)
    assert found["biblatex"].authors == ["Pieter van den Berg", "Bo Li"]
    dblp = found["DBLP:journals/corr/abs-2601-01234"]
    assert dblp.authors == ["Ana Muñoz", "Wei Zhang", "Éva Nägy"]
    assert (dblp.version.kind, dblp.version.ids, dblp.version.venue) == (
        "preprint",
        Ids(arxiv="2601.01234"),
        None,
    )


def test_stacked_accents_and_markup() -> None:
    found = drafts(BIB)
    assert found["accents"].authors == ["Nguyễn Thắng", "Mehmet Göğüş"]
    assert found["accents"].title == "Prompted tumör masks: CT & MRI at 5% labels"
    assert found["accents"].version.venue == "IEEE Trans. Med. Imaging"
    assert found["markup"].title == "In vivo segmentation of slices < 10 mm with α-SAM"


@pytest.mark.parametrize(
    ("latex", "text", "unknown"),
    [
        (r"T \href end", "T end", [r"\href"]),
        (r"T \sqrt end", "T end", [r"\sqrt"]),
        (r"T \input end", "T end", [r"\input"]),
        (r"T \verb end", "T end", [r"\verb"]),
        (r"T \textcolor end", "T end", [r"\textcolor"]),
        (r"T \href{http://x}{SAM} end", "T SAM end", [r"\href{http://x}"]),
        (r"T \input{/etc/passwd} end", "T end", [r"\input{/etc/passwd}"]),
        (r"T \verb|a b| end", "T a b end", [r"\verb|a b|"]),
        (r"T \textcolor{red}{SAM} end", "T SAM end", [r"\textcolor{red}{SAM}"]),
        (r"\foo{SAM} for \bar CT", "SAM for CT", [r"\foo", r"\bar"]),
        (r"T \cite{a} end", "T end", [r"\cite{a}"]),
        (r"\begin{x}SAM\end{x}", "SAM", [r"\begin{x}"]),
        (r"\newcommand{\x}{y}\x", "", [r"\newcommand{\x}{y}", r"\x"]),
        (r"\mbox{SAM} \emph{in} \textbf{CT}", "SAM in CT", []),
        (r"$\sqrt{x}$ $\mathbb{R}^2$ $\frac{1}{2}$", "√(x) ℝ^2 1/2", []),
        (r"\v{S}\'ukov\'a \c{c} \.I \"{\i} \ss", "Šúková ç İ ï ß", []),
        ("``a'' -- b --- c~d", "“a” – b — c d", []),
    ],
)
def test_macros_are_read_or_told(latex: str, text: str, unknown: list[str]) -> None:
    assert read_latex(latex) == (text, unknown)


def test_what_was_not_understood_is_told_with_the_record(tmp_path: Path) -> None:
    (tmp_path / "papers.yaml").write_text("papers: []\n")
    entry = rb"@misc{a, title={\foo{SAM} on \input{x} CT}, author={A B}, year=2026}"
    ran = here(tmp_path, "add", "-", "--yes", stdin=entry)
    assert ran.code == 0, ran.err
    assert Registry.load(tmp_path).papers[0].title == "SAM on CT"
    assert r"LaTeX of title = '\\foo, \\input{x}'" in ran.err


macros = st.sampled_from(
    ["href", "sqrt", "input", "verb", "textcolor", "frac", "foo", "emph", "'", "^", "begin", "def"]
)
pieces = st.lists(
    st.builds(lambda m: f"\\{m}", macros)
    | st.sampled_from(["{", "}", "[", "]", "$", "|", " ", "a", "%", "&", "~", "é"]),
    max_size=14,
)


@settings(max_examples=300, deadline=None)
@given(pieces)
def test_no_latex_breaks_the_reading(parts: list[str]) -> None:
    text, unknown = read_latex("".join(parts))
    assert "\n" not in text
    assert all(unknown)


# ------------------------------------------------------------------------ RIS, CSL, PubMed


def test_ris_of_ieee_and_springer() -> None:
    ieee, springer = read(RIS, "x")
    assert (ieee.version.date, ieee.version.venue) == ("2024-05", "ISBI 2024")
    assert springer.version.venue == "MICCAI 2024"
    assert springer.version.ids.doi == "10.1007/978-3-031-99999-1_12"
    assert springer.authors == ["Anna Foo"]
    assert one(RIS.split("TY  - CHAP")[0].replace("27-30 May 2024", "soon")).version.date == "2024"


def test_ris_with_all_authors_in_one_line() -> None:
    text = "TY  - JOUR\nTI  - T\nAU  - Smith, J.; Doe, J.; others\nPY  - 2024\nER  - \n"
    assert (one(text).authors, one(text).complete) == (["J. Smith", "J. Doe"], False)


def csl(**fields: Any) -> Draft:
    item = {"id": "z", "title": "T", "author": [{"family": "Li", "given": "Bo"}], **fields}
    return one(json.dumps([item]))


def test_csl_of_zotero() -> None:
    draft = csl(
        type="article",
        publisher="arXiv",
        number="arXiv:2404.09999",
        genre="Preprint",
        author=[{"family": "Li", "given": "Bo"}, {"literal": "others"}],
        issued={"date-parts": [["2024", 4, 16]]},
        DOI="10.48550/arXiv.2404.09999",
        URL="http://arxiv.org/abs/2404.09999",
    )
    assert (draft.version.kind, draft.version.ids) == ("preprint", Ids(arxiv="2404.09999"))
    assert (draft.authors, draft.complete) == (["Bo Li"], False)


def test_the_book_of_a_series() -> None:
    series = "Lecture Notes in Computer Science"
    draft = csl(type="chapter", **{"container-title": [series, "MICCAI 2024"]})
    assert draft.version.venue == "MICCAI 2024"
    assert csl(type="chapter", **{"container-title": [series]}).version.venue == series


def test_pubmed() -> None:
    assert sniff(NBIB) == "nbib"
    draft = one(NBIB)
    assert draft.title == "Segment anything in medical images"
    assert draft.authors == ["Jun Ma", "Yuting He"]
    assert to_builtins(draft.version) == {
        "kind": "journal",
        "ids": {
            "doi": "10.1038/s41467-024-44824-z",
            "pmid": "38253604",
            "pmcid": "PMC10803759",
        },
        "venue": "Nature communications",
        "date": "2024-01-22",
    }
    two = read(NBIB + "\n" + NBIB.replace("38253604", "38253605"), "x")
    assert [d.line for d in two] == [1, 16]
    with pytest.raises(FindingsError, match="TI: is missing"):
        read("PMID- 1\nJT  - J\n", "x")


# ------------------------------------------------------------------- withdrawn, retracted


def test_a_retracted_article_of_pubmed_is_told_and_recorded(tmp_path: Path) -> None:
    (tmp_path / "papers.yaml").write_text("papers: []\n")
    text = f"{NBIB}PT  - Retracted Publication\nRIN - Nat Commun. 2026;1:2. PMID: 3\n"
    ran = here(tmp_path, "add", "-", "--yes", stdin=text.encode())
    assert ran.code == 0, ran.err
    assert "was retracted, says Nat Commun. 2026;1:2. PMID: 3; that is recorded" in ran.err
    (paper,) = Registry.load(tmp_path).papers
    assert paper.versions[0].taken_back == TakenBack(
        kind="retracted", source="Nat Commun. 2026;1:2. PMID: 3"
    )
    assert "P009" in here(tmp_path, "doctor", "--severity", "warning").out


@pytest.fixture
def client(server: LocalServer) -> Client:
    named = {name: f"{server.url}/{name}" for name in SERVICES}
    return Client(Settings(urls=named, polite=0.0, backoff_s=0.01, read_timeout_s=5.0, retries=0))


@pytest.fixture
def server() -> Any:
    with running() as local:
        yield local


def test_withdrawn_on_arxiv(server: LocalServer, client: Client) -> None:
    said = "This paper has been withdrawn by the authors due to an error in Table 2."
    entry = answers.arxiv_entry(summary=said)
    server.routes = {"/arxiv": [Reply(answers.arxiv_feed(entry))]}
    version = arxiv_.by_ids(client, ["2304.12306"])["2304.12306"].draft.version
    assert version.taken_back == TakenBack(
        kind="withdrawn", source="https://arxiv.org/abs/2304.12306"
    )
    plain = answers.arxiv_entry(summary="Contrast was withdrawn slowly from the vessels.")
    server.routes = {"/arxiv": [Reply(answers.arxiv_feed(plain))]}
    assert arxiv_.by_ids(client, ["2304.12307"])["2304.12306"].draft.version.taken_back is None


@pytest.mark.parametrize("field", ["updated-by", "update-to"])
def test_retractions_of_crossref(server: LocalServer, client: Client, field: str) -> None:
    notice = {"type": "retraction", "DOI": "10.1038/s41467-026-00001-1",
              "updated": {"date-parts": [[2026, 3, 2]]}}  # fmt: skip
    work = answers.crossref_work(**{field: [notice, {"type": "correction"}]})
    server.routes = {"/crossref/works/": [Reply(answers.crossref(work))]}
    sighting = crossref.by_doi(client, "10.1038/s41467-024-44824-z")
    assert sighting
    assert sighting.draft.version.taken_back == TakenBack(
        kind="retracted", source="https://doi.org/10.1038/s41467-026-00001-1", date="2026-03-02"
    )
    ours = Paper(
        id="a",
        title=sighting.draft.title,
        authors=sighting.draft.authors,
        authors_complete=True,
        versions=[Version(kind="journal", ids=Ids(doi="10.1038/s41467-024-44824-z"), cite=True)],
    )
    filled, found = merge(ours, [sighting], "2026-11-29")
    assert filled.versions[0].taken_back
    assert any(d.field.endswith("taken_back") for d in found)


def test_a_journals_doi_beside_arxiv_is_not_the_preprints(
    server: LocalServer, client: Client
) -> None:
    said = answers.semanticscholar_paper(
        venue="arXiv.org", externalIds={"ArXiv": "2304.12306", "DOI": "10.1038/s41467-024-44824-z"}
    )
    server.routes = {"/semanticscholar/paper/": [Reply(said)]}
    sighting = semanticscholar.by_arxiv(client, "2304.12306")
    assert sighting
    preprint = Version(kind="preprint", ids=Ids(arxiv="2304.12306"), date="2023-04", cite=True)
    journal = Version(kind="journal", ids=Ids(doi="10.1038/s41467-024-44824-z"), date="2024-01")
    names = {"title": sighting.draft.title, "authors": sighting.draft.authors}
    alone = Paper(id="a", authors_complete=True, versions=[preprint], **names)
    filled, found = merge(alone, [sighting], "2026-11-29")
    assert filled.versions == [preprint]
    assert [(d.field, d.kind) for d in found] == [("versions", "differs")]
    both = Paper(id="a", authors_complete=True, versions=[preprint, journal], **names)
    assert merge(both, [sighting], "2026-11-29") == (both, [])


def test_a_publishers_doi_at_a_preprint_is_a_finding() -> None:
    ids = Ids(arxiv="2304.12306", doi="10.1038/s41467-024-44824-z")
    version = Version(kind="preprint", ids=ids, date="2023-04", cite=True)
    paper = Paper(
        id="x", title="T", authors=["Ada Author"], authors_complete=True, versions=[version]
    )
    assert [p.code for p in problems(paper)] == ["P012"]
    version.ids.doi = "10.1101/2023.04.24.23288888"
    assert [p.code for p in problems(paper)] == []
