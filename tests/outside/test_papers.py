"""What the papers name is there: tests, settings, fields, metrics, alarms, permissions, links; a
query asks for nothing that its log does not have; and a page is no longer than is read."""

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest
from samcli.yamlhelper import yaml_parse

from programs import run

ROOT = Path(__file__).resolve().parents[2]
PAPERS = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not any(part == "target" or part.startswith(".") for part in path.relative_to(ROOT).parts)
)
NAMED = [path.relative_to(ROOT).as_posix() for path in PAPERS]
PAGES = [name for name in NAMED if name.startswith("docs/")]
OURS = ["README.md", "ARCHITECTURE.md", "SECURITY.md", "CONTRIBUTING.md", *PAGES]
# For whoever runs it: what they name is the program's or the template's.
OPERATORS = [f"docs/{page}.md" for page in ("operate", "alarms", "tasks", "log", "serve")]


def source(path):
    return (ROOT / path).read_text()


def sources(*paths):
    return "\n".join(map(source, paths))


@cache
def rust():
    """All of the program but the words that it writes into the papers."""
    files = sorted((ROOT / "src").rglob("*.rs"))
    code = "".join(path.read_text() for path in files if "cli/docs" not in path.as_posix())
    return re.sub(r"\\\n\s+", "", code)


# --- Pages ----------------------------------------------------------------------------------------

MOST_LINES = {"README.md": 200, "ARCHITECTURE.md": 250}


@pytest.mark.parametrize("paper", [name for name in NAMED if name != "CHANGELOG.md"])
def test_a_page_is_no_longer_than_is_read(paper):
    assert len(source(paper).splitlines()) <= MOST_LINES.get(paper, 300)


@pytest.mark.parametrize("paper", [name for name in OURS if name != "README.md"])
def test_a_page_opens_with_for_whom_it_is(paper):
    heading, _, opening = source(paper).split("\n", 2)
    assert heading.startswith("# ")
    assert opening.startswith("For ")


@pytest.mark.parametrize("paper", NAMED)
def test_every_block_of_code_is_opened_with_its_language_and_closed(paper):
    fences = re.findall(r"^ *```(\w*)$", source(paper), re.MULTILINE)
    assert all(fences[::2]) and not any(fences[1::2]) and len(fences) % 2 == 0


def test_every_page_is_in_the_contents_and_within_reach_of_the_readme():
    pages = {page.removeprefix("docs/") for page in PAGES} - {"README.md"}
    assert pages == set(re.findall(r"\]\(([\w-]+\.md)\)", source("docs/README.md")))
    assert {f"docs/{page}" for page in pages - {"walks.md"}} <= {
        target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", source("README.md"))
    }


# --- Tests ----------------------------------------------------------------------------------------


@cache
def every_test():
    """Every test there is, by its name."""
    rust = "".join(path.read_text() for path in (ROOT / "src").rglob("*.rs"))
    rust += "".join(path.read_text() for path in (ROOT / "tests/it").rglob("*.rs"))
    named = re.findall(r"#\[(?:tokio::)?test(?:\(.*\))?\]\s+(?:async )?fn (\w+)\(", rust)
    for path in (ROOT / "tests/outside").glob("test_*.py"):
        named += re.findall(r"^def (test_\w+)\(", path.read_text(), re.MULTILINE)
    assert len(named) > 250, "they are still found like this"
    return set(named)


def named_tests(text):
    """A test's name is a sentence: three words at least. So are the names of some members of a record."""
    record = "".join(path.read_text() for path in (ROOT / "src/roster").glob("record*/*.rs"))
    record += source("src/roster/record.rs")
    members = set(re.findall(r"pub (\w+): ", record))
    sentences = {word for word in words(text) if re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+){2,}", word)}
    return sentences - members


@pytest.mark.parametrize("paper", OURS)
def test_every_test_that_a_paper_names_is_there(paper):
    # The names of crates may look like those of tests.
    text = source(paper).partition("\n## Dependencies\n")[0]
    assert named_tests(text) - every_test() == set()


def test_every_attack_has_its_test_or_says_that_there_is_none():
    attacks = source("SECURITY.md").partition("\n## Attacks")[2].partition("\n## What is not")[0]
    rows = [row for row in rows_of(attacks) if row[0] != "attack"]

    assert len(rows) > 40
    for attack, defence, test in rows:
        assert defence, attack
        assert named_tests(test) or test.startswith("no test"), attack


def test_every_statement_of_the_role_is_explained():
    role = source("SECURITY.md").partition("\n## What the function may do")[2]
    told = {words(row[0])[0]: set(words(row[1])) for row in rows_of(role) if words(row[0])}
    (policy,) = template()["Resources"]["FunctionRole"]["Properties"]["Policies"]
    allowed = {}
    for statement in policy["PolicyDocument"]["Statement"]:
        actions = statement["Action"]
        allowed[statement["Sid"]] = {actions} if isinstance(actions, str) else set(actions)

    assert told == allowed


# --- Names ----------------------------------------------------------------------------------------


@cache
def template():
    return yaml_parse(source("template.yaml"))


@cache
def fields():
    """The members of a line about an event, and those of a line about the start."""
    structs = re.findall(r"struct \w+ \{(.*?)\n\}\n", source("src/log.rs"), re.DOTALL)
    (line,) = [members for members in structs if "key_age_hours: " in members]
    line = re.sub(r"#\[serde\(skip\)\]\s+(?:pub )?\w+:", "", line)
    line = re.sub(r'#\[serde\(rename = "(\w+)".*\n((?: *#.*\n)*) +\w+:', r"\2    \1:", line)
    named = re.findall(r"^    (?:pub )?(\w+): ", line, re.MULTILINE)
    assert "parts" not in named, "they are still found like this"
    return {re.sub("_(.)", lambda match: match[1].upper(), name) for name in named} | {"problems"}


@cache
def metrics():
    return {words(row[0])[0] for row in marked("metrics")}


@cache
def codes():
    """What `outcome` can be."""
    answers = {code for row in marked("answers") for code in words(row[1])}
    (row,) = [row for row in log_fields() if row[0] == "`outcome`"]
    named = answers | set(words(row[1]))
    assert {"created", "quotaFull", "batch"} <= named
    return named


def log_fields():
    return rows_of(section("docs/log.md", "Field by field"))


def marked(mark):
    """The rows of the table between a table's two marks, wherever it is; without its head."""
    start = f"<!-- table:{mark} -->"
    (page,) = [page for page in PAGES if start in source(page)]
    ((_, *rows),) = tables(source(page).partition(start)[2].partition("<!-- /table -->")[0])
    return rows


def test_every_answer_that_is_told_is_the_programs():
    assert {code for code in codes() if f'"{code}"' not in rust()} == set()


def test_every_field_of_the_log_line_is_told_and_the_namespace_of_the_metrics():
    table = [words(row[0])[0] for row in log_fields() if words(row[0])]
    assert sorted(table) == sorted(fields())
    (namespace,) = re.findall(r'NAMESPACE: &str = "(\w+)"', source("src/log.rs"))
    assert namespace in words(source("docs/log.md"))


def test_every_alarm_is_told():
    resources = template()["Resources"].items()
    alarms = [name for name, one in resources if one["Type"] == "AWS::CloudWatch::Alarm"]
    text = source("docs/alarms.md")

    assert re.findall(r"^## (\w+Alarm)$", text, re.MULTILINE) == alarms
    assert set(re.findall(r"\b\w+Alarm\b", text)) == set(alarms)
    for alarm in alarms:
        told = text.partition(f"\n## {alarm}\n")[2].partition("\n## ")[0]
        for part in ("**Means:**", "```insights", "**Do:**"):
            assert part in told, alarm


def test_every_name_for_operators_is_the_programs_or_the_templates():
    """Each single word between backticks."""
    known = fields() | metrics() | codes() | api_fields()
    known |= set(re.findall(r"[\w<>]+", source("template.yaml") + rust()))
    known |= {word for row in marked("settings") for word in words(row[0])}
    for word in words(sources(*OPERATORS)):
        if re.fullmatch(r"[A-Za-z][\w<>]*", word) and word not in THEIRS:
            assert word in known, word


# What is not ours: what the paper fills in, and words of AWS, Okta, HTTP, systemd and Unicode.
THEIRS = {
    "STACK", "INSTANCE_ID", "OWNER", "Bearer", "AWSPREVIOUS", "DecryptionFailure", "Host",
    "XDG_RUNTIME_DIR", "operator", "CAPABILITY_IAM", "SUCCESS", "AWS_SAM_LOCAL", "STRASSE",
}  # fmt: skip


def test_every_setting_that_a_paper_names_is_one():
    """Or a value of one, which stands in the same table."""
    known = set(re.findall(r"`([A-Z][A-Z_<>]+)`", source("docs/settings.md")))
    known |= set(template()["Resources"]["Function"]["Properties"]["Environment"]["Variables"])
    others = {"ERROR", "WARN", "INFO", "BOOTSTRAP", "CONNECT_PROVISIONER", "BENCH_USERS"}
    others |= THEIRS | TABLES
    for paper in OURS:
        named = {word for word in words(source(paper)) if re.fullmatch(r"[A-Z][A-Z_<>]+", word)}
        assert named - known - others == set(), paper


# Those of the code that a contributor adds rows to.
TABLES = {"SCHEMES", "SETTINGS", "POLICY_SETTINGS", "SCIM_SETTINGS", "HOOK_SETTINGS", "ROWS"}


@pytest.mark.parametrize("column", ["cause", "secretTrouble"])
def test_what_the_log_is_said_to_say_is_what_the_code_writes(column):
    """Before, between and behind what is filled in."""
    texts = [
        text
        for table in tables(sources(*OPERATORS))
        if table[0][0] == column
        for row in table[1:]
        for text in words(row[0])
    ]
    assert len(texts) > 5
    for text in texts:
        for piece in text.rstrip(":").split("…"):
            assert piece.strip() in rust() or text in THEIRS, text


def test_the_owner_that_the_shell_computes_is_the_codes():
    """As src/assign/owner.rs has it."""
    (line,) = re.findall(r"^printf .*STACK.*$", source("docs/tasks.md"), re.MULTILINE)
    ((id, hash),) = re.findall(r'owner\(Some\("(\w+)"\)\).hash\(\), "(\w+)"', owners())
    assert 'Owner::of("prod",' in owners()
    command = re.sub(r"STACK \w+ ", f"prod {id} ", line)

    told = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert told.stdout == hash


def owners():
    return source("src/assign/owner.rs")


def test_every_command_of_ours_is_one():
    """With the flags that it is given."""
    said = {call for paper in OURS for call in calls(source(paper))}
    assert len(said) > 20
    for command, rest in sorted(said):
        told = run(command, "--help")
        assert told.returncode == 0, command
        known = told.stdout
        for word in rest.split():
            if re.fullmatch(r"[a-z]+", word) and run(command, word, "--help").returncode == 0:
                known += run(command, word, "--help").stdout
        for flag in re.findall(r"(?<!\S)--[a-z-]+", rest):
            assert re.search(rf"{flag}\b", known), f"{command} {rest}"


def calls(text):
    """What follows our program's name, in a block or between backticks, to the end of the command."""
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines() + words(text)
    for line in lines:
        ours = re.search(r"(?:connect-provisioner|provisioner|cargo run.* --) ([a-z]+)\b(.*)", line)
        if ours and not line.startswith("curl"):
            yield ours[1], re.split(r" #|[|;>]", ours[2])[0].strip()


# --- Queries --------------------------------------------------------------------------------------

WORDS = set(
    "fields filter sort stats limit display dedup by as and or not in like desc asc count sum avg "
    "max min pct earliest latest bin ispresent".split()
)
SYSTEM = {"@timestamp", "@message"}


@cache
def api_fields():
    """The members of a line of the API's access log."""
    settings = template()["Resources"]["Api"]["Properties"]["AccessLogSettings"]
    return set(re.findall(r'"(\w+)":', settings["Format"]))


def queries():
    text = sources(*PAGES)
    found = re.findall(r"^( *)```insights\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    return [re.sub(f"^{indent}", "", query, flags=re.MULTILINE) for indent, query in found]


@pytest.mark.parametrize("query", queries(), ids=lambda query: query.partition("\n")[0][2:])
def test_a_query_asks_for_what_its_log_has(query):
    title, _, query = query.partition("\n")
    logs = {"# The function's log: ": fields() | PROBLEMS, "# The API's log: ": api_fields()}
    (known,) = [known for start, known in logs.items() if title.startswith(start)]
    assert "#" not in query, "one comment, and only in front"

    bare = re.sub(r"'[^']*'", "''", query)
    bare = re.sub(r"like /(?:[^/\\]|\\.)*/", "like", bare)
    aliases = set(re.findall(r"\bas (\w+)", bare))
    asked = set(re.findall(r"(?<![\w@.])[@A-Za-z_][\w.]*", bare)) - WORDS - aliases
    assert asked - known - SYSTEM == set()
    assert asked & known or "@message" in asked
    assert not aliases & (known | WORDS), "an alias that hides a field"
    commands = [stage.split()[0] for stage in bare.replace("\n", " ").split("|")]
    assert set(commands) <= {"fields", "filter", "stats", "sort", "limit"}


def test_a_query_compares_with_what_a_field_can_be():
    """An outcome that there is not would find nothing, and nobody would wonder."""
    (intent,) = [row[1] for row in log_fields() if row[0] == "`intent`"]
    assert all(f'"{name}"' in rust() for name in words(intent))
    values = {
        "outcome": codes(),
        "turn": {"later", "nobody", "operator", "sender"},
        "intent": set(words(intent)),
        "level": {"ERROR", "WARN", "INFO"},
        "message": {"event", "configuration"},
        "last": codes(),
    }
    compared = 0
    for query in queries():
        for field, text in re.findall(r"(\w+) (?:!?=|in) ('[^']*'|\[[^]]*\])", query):
            named = set(re.findall(r"'([^']*)'", text))
            assert named <= values.get(field, named), query
            compared += field in values
    assert compared > 8


PROBLEMS = {f"problems.0.{name}" for name in ("variable", "problem", "find")}


def test_there_is_a_query_for_each_of_both_logs():
    titles = [query.partition("\n")[0] for query in queries()]
    assert len(titles) == len(set(titles)) > 12
    assert sum("API's" in title for title in titles) > 2
    rust = source("src/config.rs").partition("pub struct SettingError {")[2].partition("\n}\n")[0]
    members = re.findall(r"^    pub (\w+): ", rust, re.MULTILINE)
    assert PROBLEMS == {f"problems.0.{name}" for name in members}


# --- Links ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("paper", NAMED)
def test_every_link_leads_somewhere(paper):
    here = ROOT / paper
    text = without_code(here.read_text())
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, place = target.partition("#")
        there = (here.parent / path).resolve() if path else here
        assert there.exists(), target
        assert there.is_relative_to(ROOT), target
        if place:
            assert place in anchors(there), target


# Of the comparison the files are others'.
@pytest.mark.parametrize("paper", [name for name in OURS if name != "docs/compare.md"])
def test_every_file_that_a_paper_names_is_there(paper):
    for word in words(source(paper)):
        if re.fullmatch(r"(src|tests|docs|events)/[\w/.-]+", word):
            assert (ROOT / word).exists(), word
        if re.fullmatch(r"test_\w+\.py", word):
            assert (ROOT / "tests/outside" / word).is_file(), word


def test_every_paper_is_found():
    assert {"events/README.md", "docs/okta.md", "docs/glossary.md", *OURS, *OPERATORS} <= set(NAMED)


def anchors(path):
    """The places that a link can name, as GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", without_code(path.read_text()), re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.replace(" ", "-") for heading in plain}


# --- Markdown -------------------------------------------------------------------------------------


def without_code(text):
    return re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)


def words(text):
    """What stands between backticks."""
    return re.findall(r"`([^`\n]+)`", without_code(text))


def tables(text):
    """Every table as rows of cells, the first of which is its head."""
    for block in re.findall(r"(?:^\|.*\n)+", without_code(text), re.MULTILINE):
        lines = [re.split(r" ?(?<!\\)\| ?", line.strip())[1:-1] for line in block.splitlines()]
        yield [lines[0], *lines[2:]]


def rows_of(text):
    """The rows of its tables."""
    return [row for table in tables(text) for row in table]


def section(path, title):
    """What stands under a heading of the second level."""
    _, found, rest = source(path).partition(f"\n## {title}\n")
    assert found, title
    return rest.partition("\n## ")[0]
