"""Identifiers in one normal form, from everything people paste."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog import addresses, identifiers
from catalog.identifiers import identify, landing_page

ELSEVIER = "https://www.sciencedirect.com/science/article/"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2304.12306", "arxiv:2304.12306"),
        ("arXiv:2304.12306v2", "arxiv:2304.12306"),
        ("arXiv: 2304.12306 [eess.IV]", "arxiv:2304.12306"),
        ("0704.0001", "arxiv:0704.0001"),
        ("hep-th/9901001v3", "arxiv:hep-th/9901001"),
        ("math.GT/0309136", "arxiv:math/0309136"),
        ("https://arxiv.org/abs/2304.12306v1", "arxiv:2304.12306"),
        ("https://arxiv.org/pdf/2304.12306.pdf", "arxiv:2304.12306"),
        ("https://arxiv.org/pdf/2509.24204?", "arxiv:2509.24204"),
        ("http://www.arxiv.org/html/2304.12306v1", "arxiv:2304.12306"),
        ("https://export.arxiv.org/abs/hep-th/9901001", "arxiv:hep-th/9901001"),
        ("https://ar5iv.labs.arxiv.org/html/2304.12306", "arxiv:2304.12306"),
        ("https://www.alphaxiv.org/abs/2304.12306", "arxiv:2304.12306"),
        ("https://huggingface.co/papers/2304.12306", "arxiv:2304.12306"),
        ("10.48550/arXiv.2304.12306", "arxiv:2304.12306"),
        ("https://doi.org/10.48550/arXiv.2304.12306", "arxiv:2304.12306"),
        ("10.1038/S41467-024-44824-Z", "doi:10.1038/s41467-024-44824-z"),
        ("doi: 10.1038/s41467-024-44824-z.", "doi:10.1038/s41467-024-44824-z"),
        ("https://dx.doi.org/10.1016/S0140-6736(05)17709-5", "doi:10.1016/s0140-6736(05)17709-5"),
        ("(see 10.1000/x)", None),
        ("PMID: 38253604", "pmid:38253604"),
        ("https://pubmed.ncbi.nlm.nih.gov/38253604/?dopt=Abstract", "pmid:38253604"),
        ("https://www.ncbi.nlm.nih.gov/pubmed/38253604", "pmid:38253604"),
        ("https://europepmc.org/article/MED/38253604", "pmid:38253604"),
        ("PMC10803759", "pmcid:PMC10803759"),
        ("https://pmc.ncbi.nlm.nih.gov/articles/PMC10803759/", "pmcid:PMC10803759"),
        ("https://europepmc.org/articles/PMC10803759", "pmcid:PMC10803759"),
        ("https://openreview.net/forum?id=TinVy5F8JV", "openreview:TinVy5F8JV"),
        ("https://openreview.net/pdf?id=TinVy5F8JV#page=2", "openreview:TinVy5F8JV"),
        ("https://ieeexplore.ieee.org/document/11224518", "ieee:11224518"),
        (
            "https://ieeexplore.ieee.org/abstract/document/10916782?casa_token=secret",
            "ieee:10916782",
        ),
        ("https://ieeexplore.ieee.org/stamp/stamp.jsp?tp=&arnumber=10488364", "ieee:10488364"),
        ("https://ieeexplore.ieee.org/iel7/42/1/010819446.pdf", "ieee:10819446"),
        (ELSEVIER + "abs/pii/S0925231226005047", "pii:S0925231226005047"),
        (ELSEVIER + "pii/S089561112600011X?via%3Dihub", "pii:S089561112600011X"),
        ("S0925-2312(26)00504-7", "pii:S0925231226005047"),
        ("https://github.com/bowang-lab/MedSAM.git", "github:bowang-lab/MedSAM"),
        ("git@github.com:bowang-lab/MedSAM.git", "github:bowang-lab/MedSAM"),
        ("www.github.com/MIC-DKFZ/VoxTell", "github:MIC-DKFZ/VoxTell"),
        ("https://github.com/a/b/tree/main/src#readme", "github:a/b"),
        ("https://github.com/ggllllll/BiASAM-.git", "github:ggllllll/BiASAM-"),
        ("https://github.com/RisabBiswas/Polyp-SAM++", "github:RisabBiswas/Polyp-SAM++"),
        ("https://github.com/features/actions", None),
        (
            "https://huggingface.co/wanglab/medsam-vit-base/blob/main/x",
            "huggingface:wanglab/medsam-vit-base",
        ),
        ("https://huggingface.co/datasets/blinoff/kvasir", "huggingface:datasets/blinoff/kvasir"),
        ("https://huggingface.co/docs/hub", None),
        ("https://zenodo.org/record/8409526", "doi:10.5281/zenodo.8409526"),
        ("10.5281/zenodo.8409526", "doi:10.5281/zenodo.8409526"),
        # DOIs that a publisher's address gives by rule
        (
            "https://link.springer.com/article/10.1007/s10278-025-01778-y",
            "doi:10.1007/s10278-025-01778-y",
        ),
        (
            "https://link.springer.com/content/pdf/10.1186/s12880-025-01779-x.pdf",
            "doi:10.1186/s12880-025-01779-x",
        ),
        (
            "https://www.nature.com/articles/s41746-025-01881-y.pdf",
            "doi:10.1038/s41746-025-01881-y",
        ),
        ("https://www.nature.com/collections/abc", None),
        ("https://dl.acm.org/doi/abs/10.1145/3746252.3760872", "doi:10.1145/3746252.3760872"),
        ("https://aapm.onlinelibrary.wiley.com/doi/full/10.1002/mp.17481", "doi:10.1002/mp.17481"),
        ("https://www.mdpi.com/1999-4893/18/4/227", "doi:10.3390/a18040227"),
        ("https://www.mdpi.com/0000-0000/18/4/227", None),
        (
            "https://www.spiedigitallibrary.org/x/10.1117/12.3006517.short#_=_",
            "doi:10.1117/12.3006517",
        ),
        (
            "https://www.frontiersin.org/articles/10.3389/fmed.2023.1/full",
            "doi:10.3389/fmed.2023.1",
        ),
        (
            "https://iopscience.iop.org/article/10.1088/2057-1976/ad17a7/meta",
            "doi:10.1088/2057-1976/ad17a7",
        ),
        ("https://ai.jmir.org/2025/1/e72109", "doi:10.2196/72109"),
        (
            "https://www.biorxiv.org/content/10.1101/2023.11.17.567630v2.abstract",
            "doi:10.1101/2023.11.17.567630",
        ),
        ("https://papers.ssrn.com/sol3/papers.cfm?abstract_id=4673046", "doi:10.2139/ssrn.4673046"),
        (
            "https://www.preprints.org/manuscript/202307.1213/v1",
            "doi:10.20944/preprints202307.1213.v1",
        ),
        (
            "https://pubs.rsna.org/doi/abs/10.1148/radiol.252185?journalCode=radiology",
            "doi:10.1148/radiol.252185",
        ),
        # what is no identifier
        ("2304.1230", None),  # four digits ended in 2014
        ("2313.12306", None),  # there is no month 13
        ("1412.12345", None),  # five digits began in 2015
        ("", None),
        ("S0925231226005", None),
        ("https://notarxiv.org/abs/2304.12306", None),
        ("https://evil.example/nature.com/articles/s41746-025-01881-y", None),
        ("https://badnature.com/articles/s41746-025-01881-y", None),
        ("javascript:alert(1)", None),
        ("https://[::1", None),
        ("10.1000/a\x00b", None),
    ],
)
def test_what_people_paste(text: str, expected: str | None) -> None:
    found = identify(text)
    assert (str(found[0]) if found else None) == expected


@pytest.mark.parametrize(
    ("value", "month"),
    [("2304.12306", "2023-04"), ("hep-th/9901001", "1999-01"), ("math/0309136", "2003-09")],
)
def test_month_of_an_arxiv_id(value: str, month: str) -> None:
    assert identifiers.arxiv_month(value) == month


arxiv_ids = st.builds(
    lambda y, m, n: f"{y:02d}{m:02d}.{n:05d}",
    st.integers(15, 40),
    st.integers(1, 12),
    st.integers(0, 99999),
)
doi_suffixes = st.text("abcdefghijklmnopqrstuvwxyz0123456789.-_;()/:<>", min_size=1, max_size=40)
normal_identifiers = st.one_of(
    arxiv_ids.map(lambda v: ("arxiv", v)),
    st.integers(1, 10**9 - 1).map(lambda v: ("pmid", str(v))),
    st.integers(1, 10**9).map(lambda v: ("pmcid", f"PMC{v}")),
    st.integers(10**4, 10**9).map(lambda v: ("ieee", str(v))),
    st.from_regex(r"S\d{7}[\dX]\d{7}[\dX]", fullmatch=True)
    .filter(str.isascii)
    .map(lambda v: ("pii", v)),
    st.from_regex(r"[A-Za-z0-9_-]{9,11}", fullmatch=True)
    .filter(str.isascii)
    .map(lambda v: ("openreview", v)),
)


@given(normal_identifiers)
def test_normal_forms_stay_and_their_pages_lead_back(pair: tuple[str, str]) -> None:
    kind, value = pair
    assert identifiers.NORMALISERS[kind](value) == value
    page = landing_page(identifiers.Identifier(kind, value))  # type: ignore[arg-type]
    assert str(identify(page)[0]) == f"{kind}:{value}"
    assert addresses.clean_url(page) == page


@given(st.integers(1000, 99999), doi_suffixes)
@settings(max_examples=1000)
def test_a_doi_normalises_once(prefix: int, suffix: str) -> None:
    once = identifiers.doi(f"10.{prefix}/{suffix}")
    if once is not None:
        assert identifiers.doi(once) == once
        assert identifiers.doi(f"https://doi.org/{once}") == once
        assert identifiers.doi(once.upper()) == once


@given(
    arxiv_ids,
    st.sampled_from(["", "v1", "v12"]),
    st.sampled_from(["abs/{}", "pdf/{}", "pdf/{}.pdf", "html/{}"]),
)
def test_every_arxiv_page_is_the_same_work(value: str, version: str, page: str) -> None:
    for host in (
        "https://arxiv.org/",
        "http://www.arxiv.org/",
        "arxiv.org/",
        "https://export.arxiv.org/",
    ):
        assert str(identify(host + page.format(value + version))[0]) == f"arxiv:{value}"


@given(st.text(max_size=200))
def test_any_text_is_answered_and_normal(text: str) -> None:
    for found in identify(text):
        if found.kind in identifiers.NORMALISERS:
            assert identifiers.NORMALISERS[found.kind](found.value) == found.value
    try:
        cleaned = addresses.clean_url(text)
    except ValueError:
        return
    assert cleaned.startswith(("http://", "https://"))
    assert addresses.clean_url(cleaned) == cleaned


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("github.com/vpulab/med-sam-brain", "https://github.com/vpulab/med-sam-brain"),
        ("https://x.org/a?utm_source=b&id=1", "https://x.org/a?id=1"),
        ("https://x.org/a#_=_", "https://x.org/a"),
        ("https://X.org/A?", "https://x.org/A"),
        (
            "https://ieeexplore.ieee.org/document/1?casa_token=k:z",
            "https://ieeexplore.ieee.org/document/1",
        ),
        ("https://x.org/a?a=1&b=2#top", "https://x.org/a?a=1&b=2#top"),
    ],
)
def test_cleaning_addresses(url: str, expected: str) -> None:
    assert addresses.clean_url(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "ftp://x.org/a",
        "data:text/html,x",
        "https://",
        "a b",
        "https://x\n.org",
        "",
    ],
)
def test_what_is_no_web_address(url: str) -> None:
    with pytest.raises(ValueError, match="address"):
        addresses.clean_url(url)


def test_tokens_are_named_and_cvf_pages_found() -> None:
    assert addresses.token_parameters("https://x.org/a?casa_token=k&id=1") == ["casa_token"]
    base = "https://openaccess.thecvf.com/content/ICCV2025W/CVAMD"
    assert addresses.landing_of_pdf(f"{base}/papers/X_paper.pdf") == f"{base}/html/X_paper.html"
    assert addresses.landing_of_pdf("https://x.org/X.pdf") is None


@pytest.mark.parametrize("text", ["２304.12306", "٢٣٠٤.12306", "PMID: ３", "PMC１"])
def test_digits_of_other_scripts_are_no_identifiers(text: str) -> None:
    assert identify(text) == []
