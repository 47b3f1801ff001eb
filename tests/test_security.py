"""What docs/security.md promises is tested where it says; CI judges vulnerabilities of dependencies as it says."""

from __future__ import annotations

import ast
import json
import re
import runpy
import subprocess
from typing import Any

import pytest

from tests.processes import ROOT

pytest.importorskip("packaging", reason="comes with pytest")


def test_the_test_of_each_promise_is_there() -> None:
    promised = (ROOT / "docs" / "security.md").read_text(encoding="utf-8").split("## Not promised")[0]
    rows = re.findall(r"^\| (.+) \| (`tests/.+) \|$", promised, re.MULTILINE)
    assert len(rows) == len(re.findall(r"^\|", promised, re.MULTILINE)) - 2
    for promise, named in rows:
        for test in re.findall(r"`([^`]+)`", named):
            path, name = test.split("::")
            defined = {getattr(node, "name", "") for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body}
            assert name in defined, f"{promise}: there is no {test}"


def package(*fixed: str, name: str = "Filelock") -> dict[str, Any]:
    return {"name": name, "version": "3.16", "vulns": [{"id": "CVE-1", "fix_versions": list(fixed)}]}


def script() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / ".ci" / "vulnerabilities.py"))


@pytest.mark.parametrize(
    ("fixed", "ours", "says"),
    [
        ((), False, "no release mends it"),
        (("3.17", "4.1"), False, "mended in 3.17, 4.1"),
        (("4.1",), True, "which pyproject.toml keeps out: filelock<4,>=3.16"),
    ],
)
def test_a_vulnerability_fails_where_our_bounds_keep_its_mending_out(
    fixed: tuple[str, ...], ours: bool, says: str
) -> None:
    ((line, failing),) = script()["judged"]([package(*fixed)], ["filelock>=3.16,<4"])
    assert line.startswith("Filelock 3.16: CVE-1: ")
    assert line.endswith(says)
    assert failing is ours


def test_what_others_demand_is_told_and_does_not_fail() -> None:
    assert [ours for _, ours in script()["judged"]([package("9", name="urllib3")], ["filelock>=3.16"])] == [False]


def answered(*packages: dict[str, Any], code: int = 0) -> Any:
    found = json.dumps({"dependencies": packages, "fixes": []})
    return lambda *_, **__: subprocess.CompletedProcess([], code, found, "")


def unreachable(*_: Any, **__: Any) -> Any:
    return subprocess.CompletedProcess([], 1, "", "ConnectionError")


def slow(*_: Any, **__: Any) -> Any:
    raise subprocess.TimeoutExpired([], 90)


@pytest.mark.parametrize(
    "answer", [unreachable, slow, answered({"name": "scipy", "version": "1.16", "skip_reason": "not found"})]
)
def test_a_service_that_cannot_be_reached_is_told_and_does_not_fail(
    answer: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    main = script()["main"]
    monkeypatch.setattr(subprocess, "run", answer)
    assert main() == 0
    assert capsys.readouterr().out == "vulnerabilities: not known, the service cannot be reached\n"


def test_what_only_our_bound_keeps_out_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    main = script()["main"]
    for fixed, code in (("2.9", 0), ("99.1", 1)):
        monkeypatch.setattr(subprocess, "run", answered(package(fixed, name="numpy"), code=1))
        assert main() == code
        assert "vulnerabilities: 1 known in 1 packages\nnumpy 3.16: CVE-1" in capsys.readouterr().out
