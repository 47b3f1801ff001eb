"""What checks found: how files are read, an audit of a forecast, a training made again, the state of a set-up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stockcast.config.models import SCRATCH
from stockcast.report.tables import Column, Table, count, few, thousands
from stockcast.report.text import Block, Heading, Page, render, render_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from stockcast.results import (
        AuditCheck,
        AuditResult,
        Check,
        CheckedFile,
        Diagnosis,
        Reproduction,
        SomeDays,
        TensorDifference,
    )

_NAME_WIDTH = 32  # characters before the last column of an audit: what remains of the page is its
_SHOWN = 12  # tensors and parameters that differ


# Files.


def files_text(files: Sequence[CheckedFile], page: Page) -> str:
    """What `check` shows: a section for each file, an empty line between them."""
    columns = _facts(max(page.width - _FACT_WIDTH, 30))
    return render_all([[Heading(file.source), Table(columns, tuple(_of_file(file)))] for file in files], page)


def _facts(width: int) -> tuple[Column[tuple[str, str]], ...]:
    from textwrap import fill

    return (
        Column("what", lambda fact: fact[0], align="left"),
        Column("found", lambda fact: fill(fact[1], width, break_on_hyphens=False), align="words"),
    )


def _of_file(file: CheckedFile) -> Iterator[tuple[str, str]]:
    between = f"cells between {_DELIMITERS.get(file.delimiter, repr(file.delimiter))}" if file.delimiter else ""
    yield "file", ", ".join(filter(None, [file.form, file.encoding, between]))
    yield "ticker", file.ticker
    yield "dates", f"{file.date_column}: {file.date_form}, such as {file.date_example}; {file.days}"
    yield "columns", ", ".join(f"{what.replace('_', ' ')}: {name}" for what, name in file.columns.items())
    if file.unread:
        yield "not read", few(file.unread, _FEW)
    yield "exchange", f"{file.exchange}, {file.exchange_reason}"
    yield "bars", f"{count(file.bars, 'session')}, {file.first} to {file.last}"
    yield "no bar on", _days(file.missing, "session")
    yield "bars on", _days(file.extra, "other day")
    for rows in file.left_out:
        yield "left out", f"{count(rows.count, 'row')} {rows.reason} (row {few([*map(str, rows.rows)], _FEW)})"
    if file.splits:
        yield "splits", few([f"{ratio:g} for 1 on {day}" for day, ratio in file.splits.items()], _FEW)
    if file.tick is not None:
        yield "tick", f"{file.tick:g}"
    for warning in file.warnings:
        yield "warning", warning
    for note in file.notes:
        yield "note", note
    if file.read_with:
        yield "read with", file.read_with


_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "blanks"}
_FACT_WIDTH = 12  # characters before the second column
_FEW = 6


def _days(found: SomeDays, noun: str) -> str:
    if not found.count:
        return f"no {noun}"
    more = f" and {found.count - len(found.days[:_FEW]):,} more" if found.count > _FEW else ""
    return f"{count(found.count, noun)}: {', '.join(map(str, found.days[:_FEW]))}{more}"


# Audits.


def audits_text(results: Sequence[AuditResult], page: Page) -> str:
    """What `audit` shows: a section for each source, an empty line between them."""
    return render_all([_audit(result, page) for result in results], page)


def _audit(result: AuditResult, page: Page) -> list[Block]:
    return [
        Heading(f"{result.ticker}: {count(len(result.checks), 'check')} for a forecast that looks ahead"),
        _settings(result.settings),
        "",
        Table(_audit_columns(max(page.width - _NAME_WIDTH, 40)), result.checks),
        *(f"not checked: {line}" for line in result.left_out),
        "",
        Heading("Verdict"),
        result.verdict,
    ]


def _audit_columns(width: int) -> tuple[Column[AuditCheck], ...]:
    from textwrap import fill

    return (
        Column("check", lambda check: check.name, align="left"),
        Column("", lambda check: "pass" if check.ok else "warn" if check.ok is None else "FAIL", align="left"),
        Column("what was compared", lambda check: fill(check.detail, width, break_on_hyphens=False), align="words"),
    )


def _settings(s: Mapping[str, Any]) -> str:
    init = f" initialised from {s['init']}" if s.get("init", SCRATCH) != SCRATCH else ""
    parts = (
        f"{s['first']} to {s['last']}; trained before {s['validate_from']}, validated up to {s['cutoff']}, tested from "
        f"{s['test_from']}."
    )
    network = (
        f"{s['cell']}{init}, {count(s['hidden_size'], 'unit')}, {count(s['layers'], 'layer')}, lookback "
        f"{s['lookback']}, {count(s['seeds'], 'seed')} from {s['seed']}, at most {count(s['steps'], 'step')}, "
        f"{s['supervision']}."
    )
    compared = (
        f"Origins {', '.join(s['origins'])}; {s['horizons'][0]} to {s['horizons'][-1]} sessions ahead; "
        f"{count(len(s['competitors']), 'competitor')}."
    )
    return f"{parts} {network} {compared}"


# Trainings made again.


def reproduction_text(found: Reproduction, page: Page) -> str:
    """What `reproduce` shows."""
    if found.identical:
        what = "model" if found.members == 1 else f"pool of {found.members} series"
        said = (
            f"{found.model}: the {what} was trained again and is the same: all {count(found.tensors, 'tensor')} byte "
            f"by byte, every parameter, and the id {found.model_id}."
        )
        return render([said], page)
    blocks: list[Block] = [Heading(found.model), difference(found)]
    if found.different:
        blocks += ["", Table(_TENSORS, found.different[:_SHOWN])]
        if len(found.different) > _SHOWN:
            blocks.append(f"and {len(found.different) - _SHOWN} more")
    if found.parameters:
        blocks += ["", f"parameters that differ: {few(found.parameters, _SHOWN)}"]
    return render([*blocks, "", cause(found)], page)


_TENSORS: tuple[Column[TensorDifference], ...] = (
    Column("tensor", lambda one: one.name, align="left"),
    Column("values", lambda one: one.size, thousands),
    Column("differ", lambda one: one.values, thousands, missing="shape"),
    Column("largest difference", lambda one: one.largest, lambda value: f"{value:.2g}"),
)


def difference(found: Reproduction) -> str:
    """What differs, in a sentence."""
    parts = [f"{len(found.different)} of {count(found.tensors, 'tensor')}"] if found.different else []
    parts += [count(len(found.parameters), "parameter")] if found.parameters else []
    largest = max((one.largest or 0.0 for one in found.different), default=0.0)
    by = f", by at most {largest:.2g}" if largest else ""
    return (
        f"trained again, {found.model} is not the same: {' and '.join(parts) or 'the id'} differ{by}; "
        f"it was {found.model_id} and is {found.again}"
    )


def cause(found: Reproduction) -> str:
    """What may have made the difference."""
    if found.kind == "other-versions":
        return f"it was trained with {_then_and_now(found.versions)}: bytes are promised for the same versions only"
    if found.kind == "other-device":
        return f"it was trained with --device {found.device}: bytes are promised for the cpu only"
    if found.kind == "unknown-processor":
        return "the versions are the same, and nobody knows the processor of then: another one adds in another order"
    if found.kind == "other-processor":
        where = _then_and_now({name.replace("_", " "): pair for name, pair in found.machine.items()})
        return f"it was trained on another processor, which adds in another order: {where}"
    return (
        "it is damaged: versions and processor are those of then, for which bytes are promised. Either it was changed "
        "after its training, or its prices were, in a digit after the sixth"
    )


def _then_and_now(changed: Mapping[str, tuple[str | None, str | None]]) -> str:
    return "; ".join(f"{name} {then or 'unknown'}, now {now or 'missing'}" for name, (then, now) in changed.items())


# The state of a set-up.


def diagnosis_text(diagnosis: Diagnosis, page: Page) -> str:
    """A row per check; below, what to mend, the broken before the warnings; at the end, a sentence for all."""
    ailing = [check for check in diagnosis.checks if check.ok is not True and check.hint]
    remedies = [f"{check.name}: {check.hint}" for check in sorted(ailing, key=lambda check: check.ok is None)]
    to_mend: list[list[Block]] = [[Heading("To mend"), *remedies]] if remedies else []
    return render_all([[Table(_CHECKS, diagnosis.checks)], *to_mend, [_summary(diagnosis)]], page)


_CHECKS: tuple[Column[Check], ...] = (
    Column("check", lambda check: check.name, align="left"),
    Column("state", lambda check: check.state, align="left"),
    Column("found", lambda check: check.message, align="words"),
)


def _summary(diagnosis: Diagnosis) -> str:
    states = [check.state for check in diagnosis.checks]
    broken, warnings = states.count("broken"), states.count("warning")
    found = [f"{broken:,} broken"] * bool(broken) + [count(warnings, "warning")] * bool(warnings)
    return f"{count(len(states), 'check')}: {', '.join(found) or 'all is well'}"
