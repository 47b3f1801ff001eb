"""The site of `make docs`: the pages are collected, what the program writes is put in, and every link is checked.

    python docs/tools/site.py

README becomes the first page, CHANGELOG and LICENSE pages of their own. A line `<!-- generated: NAME -->` in a page is
replaced by what the function of that name in `GENERATED` returns. Output: build/docs, which loads nothing from outside.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from docs.tools import reference, schemas  # noqa: E402 - found from wherever this is run

DOCS, PAGES, SITE = ROOT / "docs", ROOT / "build" / "pages", ROOT / "build" / "docs"
GENERATED: dict[str, Callable[[], str]] = {
    "commands": reference.command_reference,
    "settings": reference.settings,
    "python": reference.python_reference,
    "schemas": schemas.index,
}
ELSEWHERE = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "LICENSE": "licence.md",
    "benchmarks/README.md": "benchmarks.md",
    "data/README.md": "data.md",
}
"""Pages that are not in docs/: where they stand, and what they are called on the site."""
MARK = re.compile(r"^<!-- generated: (\S+) -->$", re.MULTILINE)
LOADING = {("script", "src"), ("img", "src"), ("link", "href"), ("iframe", "src"), ("source", "src")}
"""What makes a browser load something, unlike a link that a reader follows."""


def main() -> int:
    """Build, and say what is wrong. Returns the exit code."""
    collect()
    config = shutil.copy(DOCS / "zensical.toml", PAGES.parent)  # it has to stand above all that it names
    zensical = Path(sys.executable).with_name("zensical")
    words = [zensical, "build", "--clean", "--strict", "--config-file", config]
    if subprocess.run(words, cwd=PAGES.parent, check=False).returncode:
        return 1
    wrong = problems(SITE)
    for problem in wrong:
        print(problem, file=sys.stderr)
    return 1 if wrong else 0


def collect() -> None:
    """Write every page of the site as Markdown into build/pages."""
    for folder in (PAGES, SITE):
        shutil.rmtree(folder, ignore_errors=True)
    PAGES.mkdir(parents=True)
    for folder in ("images", "schemas"):
        shutil.copytree(DOCS / folder, PAGES / folder)
    shutil.copy(DOCS / "site.css", PAGES)
    pages = {page.name: page.read_text("utf-8") for page in DOCS.glob("*.md")}
    pages["index.md"] = from_root((ROOT / "README.md").read_text("utf-8"))
    pages["changelog.md"] = from_root((ROOT / "CHANGELOG.md").read_text("utf-8"))
    pages["benchmarks.md"] = (ROOT / "benchmarks" / "README.md").read_text("utf-8")
    pages["data.md"] = (ROOT / "data" / "README.md").read_text("utf-8")
    pages["licence.md"] = f"# Licence\n\n```text\n{(ROOT / 'LICENSE').read_text('utf-8')}```\n"
    for name, text in pages.items():
        (PAGES / name).write_text(filled(from_docs(text)), "utf-8")


def from_root(text: str) -> str:
    """A page of the root as it reads among the pages of docs/: its links begin there."""
    text = re.sub(r"\]\(docs/", "](", text)
    for there, here in ELSEWHERE.items():
        text = text.replace(f"]({there}", f"]({here}")
    return text


def from_docs(text: str) -> str:
    """A page whose links to the root lead to the pages made of it, and whose blocks name what the highlighter knows."""
    for there, here in ELSEWHERE.items():
        text = text.replace(f"](../{there}", f"]({here}")
    return re.sub(r"^```(output|crontab)$", "```text", text, flags=re.MULTILINE)


def filled(text: str) -> str:
    """A page with what the program writes in the places that ask for it."""
    return MARK.sub(lambda match: GENERATED[match[1]](), text)


class Page(HTMLParser):
    """The anchors of a page, the links that it has, and what it loads."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what an element names and where it leads."""
        for name, value in attrs:
            if value is None:
                continue
            if name == "id" or (tag == "a" and name == "name"):
                self.anchors.add(value)
            if tag == "a" and name == "href":
                self.links.append(value)
            if (tag, name) in LOADING:
                self.loads.append(value)


def problems(site: Path) -> list[str]:
    """Links and images of a built site that lead nowhere, and whatever it would load from elsewhere."""
    pages = {path: Page(path.read_text("utf-8")) for path in sorted(site.rglob("*.html"))}
    wrong = []
    for path, page in pages.items():
        if path.name == "404.html":  # its links begin at the site's address, which the disk has not
            continue
        where = path.relative_to(site)
        wrong += [f"{where} loads {one}" for one in page.loads if urlsplit(one).netloc]
        wrong += [f"{where}: {one} leads nowhere" for one in page.links + page.loads if _is_dead(one, path, pages)]
    for sheet in sorted([*site.rglob("*.css"), *site.rglob("*.svg")]):
        wrong += [f"{sheet.relative_to(site)} loads {one}" for one in _from_outside(sheet.read_text("utf-8"))]
    return wrong


def _is_dead(link: str, page: Path, pages: dict[Path, Page]) -> bool:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return False
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if target.is_dir():
        target /= "index.html"
    if not target.is_file():
        return True
    anchor = unquote(parts.fragment)
    return bool(anchor) and target in pages and anchor not in pages[target].anchors | {"__skip"}


def _from_outside(css: str) -> list[str]:
    return re.findall(r"""(?:url\(|@import\s+)["']?((?:https?:)?//[^"')\s]+)""", css)


if __name__ == "__main__":
    sys.exit(main())
