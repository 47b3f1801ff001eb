"""Pieces of many sources share an engine, and find what one after the other finds."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockcast.engine.pieces import Finished, Piece, Steps, Task, run_all, run_here
from stockcast.errors import DataError, StorageError
from stockcast.progress import Silent
from tests.engine.pieces import Shuffled, Squared, squares
from tests.progress import ProgressLog


def outcomes(tasks: list[Task[list[int]]], engine: Shuffled, **how: int) -> list[Finished[list[int]]]:
    return list(run_all(tasks, engine, how.get("ahead", 3), bool(how.get("in_order"))))


@given(
    st.lists(st.tuples(st.lists(st.integers(0, 9), max_size=4), st.integers(0, 3)), max_size=6),
    st.lists(st.integers(0, 50)),
    st.integers(1, 8),
    st.booleans(),
)
def test_any_order_finds_what_one_after_the_other_finds(
    works: list[tuple[list[int], int]], order: list[int], ahead: int, in_order: bool
) -> None:
    begin = [partial(squares, numbers, rounds=rounds) for numbers, rounds in works]
    engine = Shuffled(2, iter(order))
    found = outcomes([Task(one, Silent()) for one in begin], engine, ahead=ahead, in_order=in_order)
    assert sorted(one.place for one in found) == list(range(len(works)))
    if in_order:
        assert [one.place for one in found] == list(range(len(works)))
    assert {one.place: one.result for one in found} == {
        place: run_here(one(), Silent()) for place, one in enumerate(begin)
    }
    assert engine.most <= 4 * ahead  # no more tasks are begun than was asked for


def test_a_piece_that_fails_ends_its_own_task_alone_and_the_first_of_several_is_told() -> None:
    def work(number: int) -> Squared:
        return Squared("data" if number in {2, 3} else "")

    tasks = [Task(partial(squares, [1, 2, 3], work), Silent()), Task(partial(squares, [4]), Silent())]
    bad, good = sorted(outcomes(tasks, Shuffled(2, iter([2, 1]))), key=lambda one: one.place)
    assert isinstance(bad.error, DataError)
    assert good.result == [16]
    with pytest.raises(DataError, match="2 is no number"):
        run_here(squares([1, 2, 3], work), Silent())
    (first,) = outcomes(tasks[:1], Shuffled(1, iter(())))
    assert isinstance(first.error, DataError)
    assert first.error.message == "3 is no number"  # which is begun first


def test_the_longest_piece_is_begun_first() -> None:
    begun: list[str] = []

    class Listed(Shuffled):
        def submit(self, piece: Piece) -> None:
            begun.append(piece.label)
            super().submit(piece)

    outcomes([Task(partial(squares, [1, 3, 2]), Silent())], Listed(1, iter(())))
    assert begun == ["piece 3", "piece 2", "piece 1"]


def test_what_a_piece_made_is_kept_as_soon_as_it_is_there() -> None:
    kept: list[int] = []

    def steps() -> Steps[list[int]]:
        return (yield [Piece(str(n), Squared("data" if n == 2 else ""), n, kept.append) for n in (1, 2, 3)])

    (one,) = outcomes([Task(steps, Silent())], Shuffled(1, iter(())))
    assert (kept, type(one.error)) == ([1, 9], DataError)


def test_a_result_that_cannot_be_kept_is_the_error_of_its_task() -> None:
    def refuse(_made: int) -> None:
        raise StorageError("the disk is full")

    def steps() -> Steps[None]:
        yield [Piece("one", Squared(), 1, refuse)]

    (one,) = outcomes([Task(steps, Silent())], Shuffled(1, iter(())))  # type: ignore[list-item]
    assert isinstance(one.error, StorageError)
    with pytest.raises(StorageError, match="the disk is full"):
        run_here(steps(), Silent())


def test_a_task_may_go_on_after_a_piece_failed() -> None:
    def steps() -> Steps[list[int]]:
        try:
            yield [Piece("one", Squared("data"), 1)]
        except DataError:
            return (yield [Piece("two", Squared(), 2)])
        return []

    (one,) = outcomes([Task(steps, Silent())], Shuffled(1, iter(())))
    assert one.result == run_here(steps(), Silent()) == [4]


def test_notes_of_pieces_are_told_where_the_command_runs() -> None:
    log = ProgressLog()
    outcomes([Task(partial(squares, [3]), log)], Shuffled(1, iter(())))
    assert (log.notes, log.details) == ([], ["squaring 3"])
