"""What the papers name is there: tests, settings, fields, metrics, alarms, permissions, links; and
a query asks for nothing that its log does not have."""

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest
from samcli.yamlhelper import yaml_parse

ROOT = Path(__file__).resolve().parents[2]
PAPERS = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not any(part == "target" or part.startswith(".") for part in path.relative_to(ROOT).parts)
)
NAMED = [path.relative_to(ROOT).as_posix() for path in PAPERS]
OURS = ["SECURITY.md", "CONTRIBUTING.md", "docs/OPERATIONS.md"]


def source(path):
    return (ROOT / path).read_text()


# --- Tests ----------------------------------------------------------------------------------------


@cache
def every_test():
    """Every test there is, by its name."""
    rust = "".join(path.read_text() for path in (ROOT / "src").rglob("*.rs"))
    rust += "".join(path.read_text() for path in (ROOT / "tests/it").rglob("*.rs"))
    named = re.findall(r"#\[(?:tokio::)?test\]\s+(?:async )?fn (\w+)\(", rust)
    for path in (ROOT / "tests/outside").glob("test_*.py"):
        named += re.findall(r"^def (test_\w+)\(", path.read_text(), re.MULTILINE)
    assert len(named) > 250, "they are still found like this"
    return set(named)


def named_tests(text):
    """A test's name is a sentence: three words at least."""
    return {word for word in words(text) if re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+){2,}", word)}


@pytest.mark.parametrize("paper", OURS)
def test_every_test_that_a_paper_names_is_there(paper):
    assert named_tests(source(paper)) - every_test() == set()


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
    rust = source("src/log.rs")
    record = rust.partition("pub struct Record {")[2].partition("\n}\n")[0]
    record = re.sub(r"#\[serde\(skip\)\]\s+(?:pub )?\w+:", "", record)
    named = re.findall(r"^    (?:pub )?(\w+): ", record, re.MULTILINE)
    assert "key_age_hours" in named and "parts" not in named, "they are still found like this"
    return {re.sub("_(.)", lambda match: match[1].upper(), name) for name in named} | {"problems"}


@cache
def metrics():
    rust = source("src/log.rs")
    named = re.findall(r'(?:name: |count\()"([A-Z][A-Za-z]+)"|\("([A-Z][A-Za-z]+)", (?:\||[A-Z])', rust)
    named = {one or other for one, other in named}
    assert {"Events", "SecretTrouble", "ConnectLatency"} <= named
    return named


@cache
def codes():
    """What `outcome` can be."""
    rust = source("src/fault.rs").partition("fn code")[2].partition("fn turn")[0]
    for path in ("src/outcome.rs", "src/outcome/resource.rs", "src/connect.rs"):
        rust += source(path).partition("fn name")[2].partition("fn user_ids")[0]
    named = set(re.findall(r'=> "(\w+)"', rust))
    assert {"created", "quotaFull"} <= named
    return named | set(re.findall(r'self\.outcome = "(\w+)"', source("src/log.rs")))


def test_every_field_of_the_log_line_is_told():
    told = section("docs/OPERATIONS.md", "The log line, field by field")
    table = [words(row[0])[0] for row in rows_of(told) if words(row[0])]
    assert sorted(table) == sorted(fields())
    assert metrics() <= set(words(told))
    (namespace,) = re.findall(r'NAMESPACE: &str = "(\w+)"', source("src/log.rs"))
    assert namespace in words(told)


def test_every_answer_has_something_to_do():
    told = section("docs/OPERATIONS.md", "Answers, and what you do")
    here = [code for row in rows_of(told) for code in words(row[0])]
    answers = section("README.md", "Answers")
    readme = [code for row in rows_of(answers) for code in words(row[1])]

    assert sorted(here) == sorted(readme) and len(here) > 15
    assert set(here) <= codes()


def test_every_alarm_is_told():
    resources = template()["Resources"].items()
    alarms = [name for name, one in resources if one["Type"] == "AWS::CloudWatch::Alarm"]
    text = source("docs/OPERATIONS.md")

    assert re.findall(r"^### (\w+Alarm)$", text, re.MULTILINE) == alarms
    assert set(re.findall(r"\b\w+Alarm\b", text)) == set(alarms)
    for alarm in alarms:
        told = text.partition(f"\n### {alarm}\n")[2].partition("\n### ")[0]
        for part in ("**Means:**", "```insights", "**Do:**"):
            assert part in told, alarm


def test_every_name_in_operations_is_the_programs_or_the_templates():
    """Each single word between backticks."""
    rooms = ["log", "event", "scim/place", "connect/class", "cli/drain"]
    texts = ["template.yaml", "README.md", *(f"src/{room}.rs" for room in rooms)]
    known = fields() | metrics() | codes() | api_fields()
    known |= set(re.findall(r"[\w<>]+", "".join(map(source, texts))))
    for word in words(source("docs/OPERATIONS.md")):
        if re.fullmatch(r"[A-Za-z][\w<>]*", word) and word not in THEIRS:
            assert word in known, word


# What is neither ours nor in the README: what the paper fills in, and words of AWS, HTTP and systemd.
THEIRS = {
    "STACK", "INSTANCE_ID", "OWNER", "Bearer", "AWSPREVIOUS", "DecryptionFailure", "Host",
    "XDG_RUNTIME_DIR", "operator",
}  # fmt: skip


def test_every_setting_that_a_paper_names_is_one():
    settings = set(re.findall(r"`([A-Z][A-Z_<>]+)`", source("README.md")))
    settings |= set(template()["Resources"]["Function"]["Properties"]["Environment"]["Variables"])
    others = {"ERROR", "WARN", "INFO", "BOOTSTRAP", "CONNECT_PROVISIONER"} | THEIRS | TABLES
    for paper in OURS:
        named = {word for word in words(source(paper)) if re.fullmatch(r"[A-Z][A-Z_<>]+", word)}
        assert named - settings - others == set(), paper


# Those of the code that a contributor adds rows to.
TABLES = {"SCHEMES", "SETTINGS", "POLICY_SETTINGS", "SCIM_SETTINGS", "HOOK_SETTINGS", "ROWS"}


@pytest.mark.parametrize("column", ["cause", "secretTrouble"])
def test_what_the_log_is_said_to_say_is_what_the_code_writes(column):
    """Before, between and behind what is filled in."""
    code = "".join(path.read_text() for path in sorted((ROOT / "src").rglob("*.rs")))
    code = re.sub(r"\\\n\s+", "", code)
    texts = [
        text
        for table in tables(source("docs/OPERATIONS.md"))
        if table[0][0] == column
        for row in table[1:]
        for text in words(row[0])
    ]
    assert len(texts) > 5
    for text in texts:
        for piece in text.rstrip(":").split("…"):
            assert piece.strip() in code or text in THEIRS, text


def test_the_owner_that_the_shell_computes_is_the_codes():
    """As src/assign/owner.rs has it."""
    (line,) = re.findall(r"^printf .*STACK.*$", source("docs/OPERATIONS.md"), re.MULTILINE)
    ((id, hash),) = re.findall(r'owner\(Some\("(\w+)"\)\).hash\(\), "(\w+)"', owners())
    assert 'Owner::of("prod",' in owners()
    command = re.sub(r"STACK \w+ ", f"prod {id} ", line)

    told = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert told.stdout == hash


def owners():
    return source("src/assign/owner.rs")


def test_every_command_of_ours_is_one():
    """With the flags that it is given."""
    rust = source("src/cli.rs").partition("enum Command {")[2].partition("\n}\n")[0]
    commands = {name.lower() for name in re.findall(r"^    ([A-Z]\w+)[(, {]", rust, re.MULTILINE)}
    assert {"demo", "doctor", "plan"} <= commands
    for paper in OURS:
        said = re.findall(r"connect-provisioner (\w+)((?: --\w+)*)", source(paper))
        for command, flags in said:
            assert command in commands, paper
            for flag in flags.split():
                rust = source(f"src/cli/{command}.rs")
                assert re.search(rf"^    {flag[2:]}: ", rust, re.MULTILINE), flag


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
    text = source("docs/OPERATIONS.md")
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
    rust = source("src/event.rs").partition("pub const fn name(&self)")[2].partition("\n    }\n")[0]
    values = {
        "outcome": codes(),
        "turn": {"later", "nobody", "operator", "sender"},
        "intent": set(re.findall(r'=> "(\w+)"', rust)),
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
    rust = source("src/config.rs").partition("pub struct Problem {")[2].partition("\n}\n")[0]
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


@pytest.mark.parametrize("paper", OURS)
def test_every_file_that_a_paper_names_is_there(paper):
    for word in words(source(paper)):
        if re.fullmatch(r"(src|tests|docs|events)/[\w/.-]+", word):
            assert (ROOT / word).exists(), word
        if re.fullmatch(r"test_\w+\.py", word):
            assert (ROOT / "tests/outside" / word).is_file(), word


def test_every_paper_is_found():
    assert {"README.md", "ARCHITECTURE.md", "events/README.md", *OURS} <= set(NAMED)


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
