"""Every page says what is so: its commands and its Python run and print what is shown, its links lead somewhere."""

from __future__ import annotations

import inspect
import io
import json
import os
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import pytest

import stockcast
import stockcast.pipeline
from docs.tools import reference, site
from stockcast.config import CELLS, NetworkConfig, TrainConfig, TrainingConfig
from stockcast.prices.csvfile import ReadOptions, read
from tests import synthetic
from tests.loopback.market import Market, listing_from
from tests.loopback.proxy import ConnectProxy
from tests.loopback.yahoo import LoopbackYahoo
from tests.processes import ROOT, Process

README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(page for folder in ("docs", "data", "benchmarks", "examples") for page in (ROOT / folder).rglob("*.md")),
    ]
)
"""Every page of the repository."""

QUICK = ["--seeds", "1", "--steps", "10", "--hidden-size", "4"]
FEW = ["--baseline", "ewma-t", "--baseline", "har-t"]
AUDIT = [*QUICK, "--lookback", "20", "--end", "2009-09-30"]
TUNE = [*QUICK, "--lookback", "20", "--trials", "3", "--folds", "2"]
QUICKLY = {"tune": TUNE, "train": QUICK, "backtest": QUICK + FEW, "report": QUICK + FEW, "audit": AUDIT}

KINDS = ("console", "python", "output", "crontab", "ini", "toml", "yaml", "bash", "text")
"""What a fenced block may call itself; output is what the block before it prints, text a drawing."""
SET_UP = ("make", "pip", "python -m pip")
"""Commands that install or build: what they begin with. They are not run here."""

STORIES = (
    ("README.md",),
    ("forecasting.md",),
    ("files.md", "live.md"),
    ("cron.md", "ledger.md"),
    ("backtest.md",),
    ("audit.md",),
    ("tuning.md",),
    ("explain.md",),
    ("general.md", "pools.md"),
    ("covariates.md",),
)
"""Pages whose commands are run one after the other, in one home."""


@dataclass(frozen=True)
class Block:
    """A fenced block: where it stands, what it calls itself, and what is in it."""

    where: str
    kind: str
    text: str


@dataclass(frozen=True)
class Command:
    """A line after a prompt, and what the page shows beneath it."""

    where: str
    line: str
    shown: str

    @property
    def words(self) -> list[str]:
        return shlex.split(self.line, comments=True)

    @property
    def is_set_up(self) -> bool:
        return self.line.startswith(SET_UP)


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in their order."""
    found, text = [], page.read_text()
    for match in re.finditer(r"^```(.*)\n((?:.*\n)*?)^```$", text, re.MULTILINE):
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(f"{page.relative_to(ROOT)}:{line}", match[1], match[2]))
    return found


def commands(page: Path) -> list[Command]:
    """The commands in a page's console blocks, in their order."""
    found = []
    for block in blocks(page):
        if block.kind == "console":
            parts = re.split(r"^\$ ", block.text, flags=re.MULTILINE)
            assert not parts[0], f"{block.where} does not begin with a prompt"
            found += [Command(block.where, *(part.split("\n", 1))) for part in parts[1:]]
    return found


def lacking(shown: str, printed: str) -> set[str]:
    """Words of what a page shows that are not in what was printed. Of JSON, its keys."""
    if shown.lstrip().startswith("{"):
        return set(re.findall(r'"(\w+)":', shown)) - set(re.findall(r'"(\w+)":', printed))
    return words_of(shown) - words_of(printed)


def words_of(text: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[^\W\d_][\w-]{2,}", text)}


def page_at(name: str) -> Path:
    return README if name == README.name else DOCS / name


# The blocks


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_says_what_it_is_and_every_command_is_known(page: Path) -> None:
    fences = [line for line in page.read_text().splitlines() if line.lstrip().startswith(("```", "~~~"))]
    assert len(fences) == 2 * len(blocks(page)), "a fence that these tests do not read"
    for block in blocks(page):
        assert block.kind in KINDS, f"{block.where} says {block.kind!r}, which is none of {KINDS}"
    for command in commands(page):
        assert command.is_set_up or command.line.startswith("stockcast "), command


DAYS, MISSED = 3, 1
"""Sessions on which the live record of the ledger's page grows, and the one of them without a forecast."""


class Live:
    """A loopback Yahoo that knows the pages' tickers, and its clock."""

    def __init__(self) -> None:
        self.history = synthetic.history(700 + DAYS, first="2019-01-02")
        self.sessions = self.history.dates[-1 - DAYS :].astype(object).tolist()
        self.market = Market(
            [listing_from(self.history, name) for name in ("AAPL", "MSFT", "^GSPC", "^IXIC")], self.now
        )

    @property
    def now(self) -> datetime:
        """After the close."""
        return datetime.combine(self.sessions[0], time(22, 0), UTC)

    def next_day(self) -> None:
        del self.sessions[0]
        self.market.now = self.now


@pytest.fixture
def live(tmp_path: Path) -> Iterator[tuple[Live, dict[str, str]]]:
    """The provider, and the environment that leads there."""
    there = Live()
    with LoopbackYahoo(there.market) as yahoo, ConnectProxy(yahoo) as proxy:
        yield there, {**os.environ, **proxy.environment(tmp_path / "cache")}


def newest(source: Path, target: Path, sessions: int) -> None:
    """The price files of a folder, cut to their last sessions."""
    target.mkdir()
    for path in source.glob("*.csv"):
        header, *rows = path.read_text().splitlines(keepends=True)
        (target / path.name).write_text("".join([header, *rows[-sessions:]]))


def train_quickly(config: Path, *tickers: str) -> None:
    text = config.read_text().replace("[model]", "[model]\nseeds = 1\nsteps = 10")
    if tickers:
        text = re.sub(r"^tickers = .*$", f"tickers = {json.dumps(tickers)}", text, flags=re.MULTILINE)
    config.write_text(text)


def recorded_sessions(provider: Live, run: Callable[[list[str]], str]) -> str:
    """Days pass on which the live record grows. Returns what the last run printed."""
    recorded = ""
    for day in range(DAYS):
        provider.next_day()
        if day != MISSED:
            recorded = run(["run"])
    return recorded


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story[0])
def test_the_commands_of_a_page_run_in_their_order_and_print_what_it_shows(
    story: tuple[str, ...], tmp_path: Path, live: tuple[Live, dict[str, str]]
) -> None:
    provider, environment = live
    newest(ROOT / "data", tmp_path / "data", 2200)
    (tmp_path / "prices").mkdir()
    synthetic.write_csv(tmp_path / "prices" / "AAPL.csv", synthetic.history(900))

    def run(words: list[str]) -> str:
        now = {"STOCKCAST_NOW": provider.now.isoformat()}
        process = Process([*words, "--home", tmp_path / "home"], tmp_path, {**environment, **now})
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, (words, err)
        return out

    unlike = []
    for command in (one for name in story for one in commands(page_at(name))):
        if command.is_set_up:
            continue
        _, *words = command.words
        if words == ["run"]:
            train_quickly(tmp_path / "stockcast.toml", *(["AAPL"] if story == ("README.md",) else []))
        if words == ["score"]:
            recorded = recorded_sessions(provider, run)
            live_output = next(one for one in blocks(DOCS / "cron.md") if one.kind == "output")
            unlike.append((live_output.where, lacking(live_output.text, recorded), words_of(live_output.text)))
        out = run([*words, *QUICKLY.get(words[0], [])])
        assert out or "--write-config" in words or words[1:2] in (["remove"], ["backup"], ["restore"], ["prune"])
        unlike.append((command.line, lacking(command.shown, out), words_of(command.shown)))
    assert unlike
    for where, words_lacking, shown in unlike:
        # Less training has other verdicts, and another network's features; headings, names and units are the same.
        assert len(words_lacking) <= 0.3 * len(shown), (where, sorted(words_lacking))


def test_every_page_with_commands_is_run() -> None:
    told = {page_at(name) for story in STORIES for name in story}
    others = {page for page in PAGES if any(not command.is_set_up for command in commands(page))} - told
    assert others <= {
        DOCS / "scale.md",
        DOCS / "skill.md",
        ROOT / "benchmarks" / "README.md",
        ROOT / "data" / "README.md",
    }


def test_the_commands_of_the_other_pages_run(tmp_path: Path) -> None:
    (tmp_path / "FOLDER").mkdir()
    synthetic.write_csv(tmp_path / "FOLDER" / "ONE.csv", synthetic.history(900))
    told = {page_at(name) for story in STORIES for name in story}
    there = [one for page in PAGES if page not in told for one in commands(page) if not one.is_set_up]
    assert there
    for command in there:
        _, *words = command.words
        words = [str(one) for word in words for one in (sorted(tmp_path.glob(word)) if "*" in word else [word])]
        words = ["2014-06-02" if word == "2016-01-01" else word for word in words]
        process = Process([*words, *QUICKLY[words[0]], "--home", tmp_path / "home"], tmp_path, os.environ)
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, (command, err)
        assert out


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if any(block.kind == "python" for block in blocks(page))],
    ids=lambda page: page.name,
)
def test_the_python_of_a_page_runs_in_its_order_and_prints_what_it_shows(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").symlink_to(ROOT / "data")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    every = blocks(page)
    for at, block in enumerate(every):
        if block.kind != "python":
            continue
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(compile(block.text, block.where, "exec"), names)  # noqa: S102 - the page's own code
        assert every[at + 1].kind == "output", block.where
        shown = every[at + 1].text
        assert len(printed.getvalue().splitlines()) == len(shown.splitlines()), printed.getvalue()
        assert not lacking(shown, printed.getvalue()), printed.getvalue()
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_what_cron_and_systemd_call_is_a_command_with_options_that_there_are() -> None:
    called = [
        line
        for page in (README, DOCS / "cron.md")
        for block in blocks(page)
        if block.kind in {"crontab", "ini"}
        for line in block.text.splitlines()
    ]
    lines = [line[line.index("stockcast ") :] for line in called if "stockcast " in line]
    assert len(lines) == 3
    there = {name for one in reference.commands() if one.words == "run" for opt in one.options for name in opt.names}
    for line in lines:
        assert line.split()[:2] == ["stockcast", "run"]
        assert set(re.findall(r" (--?[a-z][a-z-]*)", line)) <= there


# What the pages say of the program


def test_the_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) <= 200


def test_the_defaults_on_the_pages_are_the_programs() -> None:
    network, training = NetworkConfig(), TrainingConfig()
    text = " ".join((DOCS / "forecasting.md").read_text().split())
    for says in (
        f"`--lookback N` sessions in an input window ({network.lookback})",
        f"`--horizon N` sessions ahead ({TrainConfig().horizon})",
        f"`--hidden-size N --layers N --dropout SHARE` ({network.hidden_size}, {network.layers}, {network.dropout})",
        f"`--seeds N` members of the ensemble ({training.seeds})",
        f"({training.learning_rate}, {training.weight_decay})",
        f"`--supervision {training.supervision}`",
        f"`--cell {'|'.join(CELLS)}`",
    ):
        assert says in text, says


def test_the_forecasts_on_the_pages_are_of_the_shipped_prices() -> None:
    h = read(str(ROOT / "data" / "GSPC.csv"), ReadOptions())
    assert h.sha256() in (DOCS / "forecasting.md").read_text()
    assert f"{h.close[-1]:,.2f}" in README.read_text()


def test_the_map_names_every_package_and_module_of_the_street() -> None:
    text = (DOCS / "architecture.md").read_text()
    for path in (ROOT / "stockcast").iterdir():
        left_behind = path.is_dir() and not any(set(path.rglob("*.py")) | set(path.rglob("*.json")))
        if path.name.startswith(("_", "py.typed", ".")) or left_behind:  # of another version: bytecode alone
            continue
        shown = f"{path.name}/" if path.is_dir() else path.name
        assert shown in text, path.name


def test_every_file_that_the_architecture_names_is_there() -> None:
    text = (DOCS / "architecture.md").read_text()
    named = re.findall(r"`((?:stockcast/)?[a-z]+/(?:[a-z_]+/)*[a-z_]+\.py)`", text)
    assert len(named) > 20
    for name in named:
        assert (ROOT / name).is_file() or (ROOT / "stockcast" / name).is_file(), name


def test_every_page_of_the_folder_is_in_the_sites_navigation() -> None:
    text = (DOCS / "zensical.toml").read_text()
    for page in DOCS.glob("*.md"):
        assert f'"{page.name}"' in text, page.name


# What the program writes


def test_every_option_of_every_command_is_documented() -> None:
    from typer.main import get_command

    from stockcast.cli.commands import application

    def leaves(prefix: str, group: Any) -> Iterator[tuple[str, Any]]:
        for name, command in group.commands.items():
            below = getattr(command, "commands", None)
            yield from leaves(f"{prefix}{name} ", command) if below else [(f"{prefix}{name}", command)]

    page = reference.command_reference()
    sections = dict(
        zip(re.findall(r"^## stockcast (.+)$", page, re.M), re.split(r"^## ", page, flags=re.M)[1:], strict=True)
    )
    program = get_command(application())
    for parameter in program.params:
        for name in parameter.opts if not parameter.hidden else ():
            assert f"`{name}`" in page.split("\n## ")[0], name
    every = dict(leaves("", program))
    assert sections.keys() == every.keys()
    for words, command in every.items():
        assert command.help, words
        for parameter in command.params:
            assert parameter.help, (words, parameter.name)
            for name in [*parameter.opts, *parameter.secondary_opts] if parameter.param_type_name == "option" else []:
                assert f"`{name}`" in sections[words], (words, name)


def test_every_command_stands_in_the_readmes_table() -> None:
    text = README.read_text()
    for command in reference.commands():
        assert f"[`{command.words.split()[0]}`](docs/" in text, command.words


def test_the_settings_on_crons_page_are_what_run_writes(tmp_path: Path) -> None:
    process = Process(["run", "--write-config", "--home", tmp_path / "home"], tmp_path, os.environ)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert reference.settings() == f"```toml\n{(tmp_path / 'stockcast.toml').read_text()}```"


PUBLIC = [(module, name) for module in (stockcast, stockcast.pipeline) for name in module.__all__]


@pytest.mark.parametrize(("module", "name"), PUBLIC, ids=[name for _, name in PUBLIC])
def test_a_docstring_that_lists_arguments_lists_all_of_them_in_their_order(module: Any, name: str) -> None:
    member = inspect.unwrap(getattr(module, name))
    if inspect.isfunction(member):
        listed = re.search(r"^Args:\n((?:    .*\n?)+)", inspect.getdoc(member) or "", re.MULTILINE)
        names = re.findall(r"^    (\w+):", listed[1], re.MULTILINE) if listed else []
        assert names in ([], list(inspect.signature(member).parameters))


@pytest.mark.parametrize("module", [stockcast, stockcast.pipeline], ids=lambda module: module.__name__)
def test_every_public_function_and_class_has_a_docstring(module: Any) -> None:
    for name in module.__all__:
        member = getattr(module, name)
        assert own_docstring(member), name
        if inspect.isclass(member):
            for attribute, value in vars(member).items():
                function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
                if not attribute.startswith("_") and inspect.isfunction(function):
                    assert function.__doc__, f"{name}.{attribute}"


def own_docstring(member: Any) -> str | None:
    """A docstring that somebody wrote: a dataclass without one is given its signature."""
    text = member.__doc__
    return None if text and inspect.isclass(member) and text.startswith(f"{member.__name__}(") else text


# The links


def slug(heading: str) -> str:
    """The anchor that a heading gets, on the site as in a repository's browser."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").replace("*", "")
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower())


def anchors(page: Path) -> set[str]:
    text = re.sub(r"^```.*?^```$", "", site.filled(page.read_text()), flags=re.MULTILINE | re.DOTALL)
    return {slug(heading) for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_link_between_pages_is_dead(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            assert link.startswith("https://"), link
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def test_a_dead_link_and_what_comes_from_elsewhere_are_found_in_a_built_site(tmp_path: Path) -> None:
    (tmp_path / "other.html").write_text('<h1 id="there">x</h1>')
    (tmp_path / "index.html").write_text(
        '<a href="other.html#there">a</a><a href="other.html#not">b</a><a href="none.html">c</a>'
        '<a href="https://example.org/">d</a><img src="https://example.org/x.png">'
        '<script src="//example.org/x.js"></script>'
    )
    (tmp_path / "style.css").write_text("@import 'https://example.org/x.css'; a { background: url(x.png) }")
    assert site.problems(tmp_path) == [
        "index.html loads https://example.org/x.png",
        "index.html loads //example.org/x.js",
        "index.html: other.html#not leads nowhere",
        "index.html: none.html leads nowhere",
        "style.css loads https://example.org/x.css",
    ]
