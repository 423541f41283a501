"""Every finding has a code; this table is the one place that says what each means.

Groups: B a record that was given to `add` or in a form · Y the YAML itself · S the shape of
records · R references · C content of project files · E released rows · D duplicates ·
I identifiers · U addresses · T titles · A authors · P versions · V vocabularies · N numbers ·
K scope · W what works found · F facts against facts · Z results and verdicts (`reproduce verify`).
`check` runs the groups that make a registry unusable when they are wrong; `doctor` runs all that
can be seen in the records.
"""

from __future__ import annotations

from dataclasses import dataclass

from catalog.errors import Severity


@dataclass(frozen=True, slots=True)
class Code:
    """What a code means. `fix` says what `doctor --fix` does, None where a person must decide."""

    title: str
    severity: Severity
    explanation: str
    fix: str | None = None
    check: bool = False  # part of `sam4mis check`, not only of `doctor`


def _check(title: str, explanation: str, fix: str | None = None) -> Code:
    return Code(title, "error", explanation, fix, True)


def _warn(title: str, explanation: str, fix: str | None = None) -> Code:
    return Code(title, "warning", explanation, fix)


def _info(title: str, explanation: str, fix: str | None = None) -> Code:
    return Code(title, "info", explanation, fix)


def _given(title: str, explanation: str) -> Code:
    return Code(title, "error", explanation)


CODES: dict[str, Code] = {
    # ---- a record that was given
    "B001": _given("broken record", "Braces, commas or ends of records are missing."),
    "B002": _given("no known format", "BibTeX, RIS, CSL-JSON or one identifier a line."),
    "B003": _given("field missing", "Every work needs a title and an author."),
    "B004": _given("field not understood", "An identifier or address that cannot be one."),
    "B005": _given("no text", "Not UTF-8, or more than a list of works takes."),
    "B006": _given("field too long", "A title, name or venue that swallowed what follows it."),
    "B008": _given("names that are not told apart", "Several authors that are read as one."),
    "B007": _given("answer not understood", "An answer in a form that cannot become a field."),
    # ---- the YAML itself
    "Y001": _check("broken YAML", "The file is no YAML; nothing after this place could be read."),
    "Y002": _check("key twice", "YAML takes the last one silently, so one of the two is lost."),
    "Y003": _check("anchor, alias or tag", "They hide content from a diff; write the value out."),
    "Y004": _check("not UTF-8", "All files of the registry are UTF-8."),
    "Y005": _check("unexpected top level", "papers.yaml is one list under `papers:`."),
    "Y006": _check("unreadable file", "The system would not let it be read."),
    # ---- the shape of records
    "S001": _check("wrong kind of value", "Text, number or list where another is expected."),
    "S002": _check("unknown field", "A field that no record has, often a typing error."),
    "S003": _check("missing field", "A field that every such record needs."),
    "S004": _check("value not allowed", "The field allows only certain words."),
    # ---- references
    "R001": _check("unknown work", "A project, claim or edit names a work that is not there."),
    "R002": _check("unknown project", "A result or verdict names a project that is not there."),
    "R003": _check("unknown claim", "A result or verdict names a claim that is not there."),
    "R004": _check("slug is not the file's name", "A project's slug and its file must agree."),
    "R005": _check("unknown checkpoint", "A claim names a checkpoint its project does not list."),
    "R006": _check("claim twice", "Two claims of a project have one id."),
    "R007": _check("decision about an unknown work", "A decision file names an id that is gone."),
    "R008": _check("result not examined", "Results are the files that `reproduce verify` saw."),
    # ---- content of project files
    "C001": _check("no commit", "A commit is its full hash, 40 hex digits in lower case."),
    "C002": _check("no checksum", "A sha256 has 64 hex digits, an md5 has 32."),
    "C003": _check("unknown metric", "A claim's metric is one that runs can be compared by."),
    "C004": _check("impossible value", "A fraction lies in 0-1 after its scale, a length above 0."),
    "C005": _check("unknown weights status", "Pages and filters know only certain words."),
    "C006": _check("unknown convention", "Codes come from catalog/data/protocol_conventions.yaml."),
    "C007": _check("unknown metric profile", "A claim that is not blocked needs one that exists."),
    "C008": _check("unknown adapter", "An adapter is one file in reproduce/adapters."),
    "C009": _check("repository in two projects", "Two releases of one name different branches."),
    "C010": _warn("checkpoint under two ids", "Equal sha256, so it is one file."),
    "C011": _warn("unknown prompt or word", "Prompts and `made_for` use the words of the tags."),
    "C012": _check("checkpoint twice", "Two checkpoints of a project have one id."),
    "C013": _check("unknown protocol word", "Words come from catalog/data/protocol_words.yaml."),
    "C014": _check("unknown data set or split", "A reader has it, or protocol_words.yaml."),
    "C015": _check("unknown licence", "SPDX identifiers, LicenseRef-<name>, or none."),
    "C016": _check("source of a hash", "Where a sha256 was read decides how far it is believed."),
    "C017": _check("who printed it", "A project's own numbers and others' are kept apart."),
    "C018": _check("family", "Projects with released weights are counted by family."),
    "C019": _check("no printed number", "Released weights have a claim, or say where was looked."),
    "C020": _check("unknown class", "A claim names a class as the reader of its data does."),
    "C021": _check("nobody was told", "Authors are told after a first run, by today."),
    "C022": _info("commit without its date", "States of code and weights rest on that day."),
    # ---- records of released rows
    "E001": _check("no regular expression", "Readers find rows by regular expressions."),
    "E002": _check("unknown reader or check", "A check names a reader, a part another check."),
    "E003": _check("check twice", "Checks of one source have names of their own."),
    "E004": _check("printed number twice", "A check with a claim takes the claim's number."),
    # ---- duplicates
    "D001": _check("id taken", "Ids and aliases are never used twice, not even after a merge."),
    "D002": _check("id changed", "Ids are immutable; the old one must stay as an alias."),
    "D003": _check("identifier on two works", "One arXiv id, DOI ... names one work."),
    "D004": _check("same title on two works", "Same title and a first author who can be the same."),
    "D005": _warn("works look alike", "Nearly the same title, or short name and author."),
    "D006": _warn("short name on two works", "Say in not_duplicates.yaml that they are different."),
    # ---- identifiers
    "I001": _check(
        "identifier not in normal form",
        "Identifiers are kept in one form, so that equal ones are equal.",
        "writes the normal form",
    ),
    "I002": _check("no such identifier", "The text cannot be an identifier of that kind."),
    "I003": _warn("date against arXiv id", "An arXiv id says in which month it was given."),
    "I004": _warn(
        "DOI can be derived",
        "The publisher's rule gives the DOI for certain.",
        "adds the DOI",
    ),
    "I005": _warn(
        "arXiv id as DOI",
        "10.48550/arXiv.X is the arXiv id X.",
        "moves it to `arxiv`",
    ),
    # ---- addresses
    "U001": _warn("tracking in an address", "Parameters that name nothing.", "drops them"),
    "U002": _warn("address without a scheme", "An address begins with https://.", "adds https://"),
    "U003": _warn(
        "repository written otherwise",
        "A .git, slash or deep link at the end of a repository's address.",
        "writes https://github.com/owner/name",
    ),
    "U004": _warn(
        "PDF instead of a landing page",
        "Readers and checks want the page.",
        "writes the page where the publisher's rule is certain",
    ),
    "U005": _warn("code link is no repository", "Project pages belong under `page` or `demo`."),
    "U006": _info("plain http", "The site may have https by now."),
    "U007": Code("no web address", "error", "Only http and https addresses are kept.", None, True),
    "U008": Code(
        "access token in an address",
        "error",
        "Somebody's personal token; it must not be published.",
        "drops it",
        True,
    ),
    "U009": _info("repository on several works", "Fine when true; often the wrong row."),
    "U010": _info("repository named after another work", "Is the code link on the wrong work?"),
    "U011": _warn(
        "copy shown as the work's page",
        "Readers are led to primary pages: catalog/data/hosts.yaml says which hosts are.",
    ),
    "U012": _info("read in copies only", "`refresh` asks the work's own page."),
    "U013": _check("address of one's own network", "A link leads readers to a machine they have."),
    # ---- texts of any field
    "X001": _check("empty text", "Unknown is null; a text says something."),
    "X002": _check("hidden characters", "Control and direction characters make a text another."),
    "X003": _check("text too long", "A page that holds something else than the field is for."),
    "X004": _check("list too long", "No work has so many authors, no record so many values."),
    # ---- titles
    "T001": _warn("markup in a title", "Superscripts, dollars or tags: titles are plain text."),
    "T002": _warn(
        "blanks in a title",
        "Two blanks, or a blank before a colon.",
        "writes single blanks",
    ),
    "T003": _warn("glued words", "A blank is missing after a colon or a name."),
    "T004": _info(
        "alias says nothing new",
        "A former title equal to the present one.",
        "drops it",
    ),
    "T005": _warn("title in capitals", "Write it as the paper prints it in running text."),
    # ---- authors
    "A001": _info("authors incomplete", "`et al.` in the source; `refresh` may find the list."),
    "A002": _warn("et al. as an author", "Set authors_complete: false instead."),
    "A003": _info("no authors", "Nobody has seen the list of authors."),
    "A004": _warn("author twice", "The same name stands twice in the list."),
    "A005": _info("initials only", "Full names exist on the paper."),
    # ---- versions
    "P001": _warn("no version", "A work has at least one version with a date or identifier."),
    "P002": _check(
        "not exactly one version to cite",
        "Exactly one version has `cite: true`.",
        "marks the last version",
    ),
    "P003": _warn("versions out of order", "Versions stand oldest first.", "sorts them by date"),
    "P004": _warn("version without identifier or address", "Nobody could find this version."),
    "P005": _check("no date", "A date is YYYY, YYYY-MM or YYYY-MM-DD and not in the future."),
    "P006": _warn(
        "venue spelled otherwise",
        "Venues have one spelling: catalog/decisions/venues.yaml.",
        "writes that spelling",
    ),
    "P007": _info("venue without a year", "The year was not seen."),
    "P008": _warn("primary page differs", "What a list says is not what the work's page says."),
    "P009": _warn("version taken back", "Withdrawn by its authors or retracted by its publisher."),
    "P012": _warn("publisher's DOI at a preprint", "It names another version: the published one."),
    "P010": _info("works second hand", "Nobody has seen their own pages; `refresh` asks for them."),
    "P011": _info("field second hand", "Read in a list or copy; `refresh` confirms authors."),
    # ---- vocabularies
    "V001": _check("unknown value", "Tags come from catalog/data/vocabularies.yaml."),
    "V002": _warn("other spelling of a value", "One spelling per value.", "writes it"),
    "V003": _warn("values that exclude each other", "For example a base model beside `none`."),
    "V004": _warn("work as its own base", "A work cannot be built on itself."),
    "V005": _info("data set not in the vocabulary", "Add it there once, in one spelling."),
    "V006": _warn("title states a tag", "The title names a value that the record lacks."),
    # ---- numbers
    "N001": _warn("number outside its scale", "A fraction lies in 0-1, a percentage in 0-100."),
    "N002": _info("number without a unit", "Neither scale nor note says what the number means."),
    # ---- scope
    "K001": _info("scope undecided", "Somebody must read the full text and decide."),
    "K002": _warn("excluded without a reason", "An exclusion says why."),
    # ---- what works found
    "W001": _check("finding without its source", "The record has what a finding was read from."),
    "W002": _check("finding beside its question", "Each question has its own fields, once."),
    "W003": _warn("finding too long", "One sentence of at most 30 words."),
    "W004": _warn("number beyond the record", "A finding prints what its source prints."),
    # ---- facts against facts
    "F001": _check("no such file", "A place names a file that its commit does not have."),
    "F002": _check("no such line", "A place names lines beyond the end of the file."),
    "F003": _check(
        "repository not named",
        "A place lies in a repository or commit that the project does not name.",
    ),
    "F004": _info("place not verified", "`sam4mis doctor --places` looks it up at the commit."),
    "F005": _check("commercial use without a grant", "Only what names the weights allows it."),
    "F006": _check("licence that nobody states", "Each licence of weights has its statement."),
    "F007": _check("terms not recorded", "Bases and data sets: catalog/data/licence_terms.yaml."),
    "F008": _check("statement about no file", "A statement names checkpoints of its project."),
    "F009": _check("identifier known elsewhere", "A project names what its work lacks."),
    "F010": _check(
        "cited as a preprint",
        "Its project or the README of its code names the venue.",
    ),
    "F011": _check("fields that contradict", "Two fields of a project, or of it and its work."),
    "F012": _check("file of two projects", "One file has one owner; others say whose it is."),
    "F013": _check("reason that does not hold", "What blocks a claim must be so still."),
    "F014": _warn("project without a work", "Its paper, or why it has none: `no_paper`."),
    "F015": _warn("found wrong, not corrected", "A person checked it: catalog/audits."),
    # ---- results and verdicts
    "Z001": _given("verdicts out of date", "verdicts.json is not what claims and results give."),
    "Z002": _given("verdict change not logged", "The log must end in the verdicts of today."),
    "Z003": _given("not the run it says", "A run's id is the hash of its recorded inputs."),
    "Z004": _given("statistics damaged", "Statistics are the file that the result was made with."),
    "Z005": _given("recomputed result out of date", "The record of its source has changed since."),
    "Z006": _given("recomputed result changed by hand", "What it says does not follow from it."),
    "Z007": _given("folder of a result", "Only its own plain files, in number and size limited."),
    "Z008": _given("statistics contradict themselves", "Such rows were never counted by a run."),
    "Z009": _given("rows missing or beside", "One row a case, target, round, candidate and seed."),
    "Z010": _given("not what the statistics give", "All of a result is derived again from them."),
    "Z011": _given("two runs disagree", "One case has one reference area in every run of it."),
    "Z012": _given("verdict log edited", "Each change goes on from the one before of its claim."),
    "Z013": _given("published result changed", "A request adds results and changes none."),
    "Z014": _given("not ready to be taken in", "It says who ran it, and its claims are recorded."),
    "Z015": _given("authors not told", "A lower waits 14 days after its authors were told."),
}


def severity_of(code: str) -> Severity:
    """Severity of a code."""
    return CODES[code].severity


def told_by(code: str) -> str:
    """The command that finds a code: add, check (doctor too), doctor, reproduce verify.

    >>> told_by("S001"), told_by("B003")
    ('check', 'add')
    """
    elsewhere = {"B": "add", "Z": "reproduce verify"}
    return elsewhere.get(code[0]) or ("check" if CODES[code].check else "doctor")


def described(code: str) -> dict[str, str]:
    """A code as plain text, for the command line and for the page that lists all of them.

    `code`, `severity`, `title`, `explanation`, `fix` ("" where a person must decide) and `command`.
    """
    entry = CODES[code]
    return {
        "code": code,
        "severity": entry.severity,
        "title": entry.title,
        "explanation": entry.explanation,
        "fix": entry.fix or "",
        "command": told_by(code),
    }


def table() -> list[dict[str, str]]:
    """All codes in their order, each as `described`."""
    return [described(code) for code in CODES]
