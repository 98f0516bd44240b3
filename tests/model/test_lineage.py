"""Lineage joined by content: who made what, from what, and what came of it, over any number of runs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from track.model.digest import Digest, digest_of
from track.model.lineage import Edge, Graph, History, Node
from track.model.record import Record, Revision, Used, run_id

DAY = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)


def artifact(category: str, name: str, content: str | None = None, **facts: object) -> Used:
    return Used(category, digest_of((content or name).encode()), 10, name=name, **facts)  # type: ignore[arg-type]


def run(
    number: int,
    *artifacts: Used,
    name: str | None = None,
    hour: float | None = None,
    hours: float = 0.5,
    **facts: object,
) -> Record:
    """The run of a number: it begins so many hours after nine, and takes half of one."""
    began = DAY + timedelta(hours=number if hour is None else hour)
    return Record(
        id=run_id(1_700_000_000_000 + number, number.to_bytes(10, "big")), name=f"run {number}",
        status="completed", started=began, ended=began + timedelta(hours=hours), artifacts=artifacts, **facts,
    )  # type: ignore[arg-type]  # fmt: skip


def named(graph: Graph) -> list[str]:
    return sorted(node.name for node in graph.nodes)


def edges(graph: Graph) -> set[tuple[str, str]]:
    names = {node.id: node.name for node in graph.nodes}
    return {(names[edge.source], names[edge.target]) for edge in graph.edges}


CODE = artifact("code", "find_square_root.py")


def guesses(*, renamed: bool = False) -> list[Record]:
    """Three runs, each of which looks more closely where the one before came closest."""
    found = [run(1, CODE, artifact("output", "run_1_guesses"), artifact("output", "run_1_closest"))]
    for number in (2, 3):
        before = [
            artifact("input", "seed" if renamed and what == "closest" else f"run_{number - 1}_{what}",
                     f"run_{number - 1}_{what}") for what in ("guesses", "closest")
        ]  # fmt: skip
        made = [artifact("output", f"run_{number}_{what}") for what in ("guesses", "closest")]
        found.append(run(number, CODE, *before, *made))
    return found


def closest(history: History) -> Node:
    return history.content(digest_of(b"run_3_closest"))


def test_the_result_of_the_third_run_came_from_nine_things_by_twelve_edges():
    history = History(guesses())
    graph = history.upstream(closest(history))
    assert named(graph) == [
        "find_square_root.py", "run 1", "run 2", "run 3",
        "run_1_closest", "run_1_guesses", "run_2_closest", "run_2_guesses", "run_3_closest",
    ]  # fmt: skip
    assert len(graph.edges) == 12
    assert {("find_square_root.py", "run 3"), ("run_2_guesses", "run 3"), ("run 2", "run_2_guesses")} <= edges(graph)


def test_another_name_for_the_same_content_changes_nothing():
    plain, renamed = History(guesses()), History(guesses(renamed=True))
    assert edges(plain.upstream(closest(plain))) == edges(renamed.upstream(closest(renamed)))


def test_the_order_in_which_records_come_does_not_matter():
    there, back = History(guesses()), History(reversed(guesses()))
    assert there.upstream(closest(there)) == back.upstream(closest(back))


def test_one_code_of_many_runs_has_all_their_outputs_below_it():
    code = artifact("code", "sim.py")
    runs = [run(n, code, *(artifact("output", f"out {n} {k}") for k in range(5))) for n in range(20)]
    changed = run(20, artifact("code", "sim.py", "changed"), artifact("output", "last"))
    history = History([*runs, changed])
    graph = history.downstream(history.content(code.digest))
    assert (len(graph.nodes), len(graph.edges)) == (121, 120)
    other = history.downstream(history.content(digest_of(b"changed")))
    assert named(other) == ["last", "run 20", "sim.py"]


def test_of_several_that_made_the_same_the_latest_before_counts_and_the_others_are_said():
    empty = [run(n, artifact("output", f"empty {n}", "nothing")) for n in (1, 2, 5)]
    user = run(4, artifact("input", "log", "nothing"))
    history = History([*empty, user])
    node = history.run(user.id)
    assert node is not None
    graph = history.upstream(node)
    assert named(graph) == ["empty 2", "run 2", "run 4"]
    (source,) = [each for each in graph.nodes if each.kind == "artifact"]
    assert set(source.also) == {empty[0].id, empty[2].id}


def test_no_edge_goes_back_in_time():
    user, maker = run(1, artifact("input", "table", "x")), run(2, artifact("output", "table", "x"))
    history = History([user, maker])
    node = history.run(user.id)
    assert node is not None
    assert edges(history.upstream(node)) == {("table", "run 1")}
    assert named(history.downstream(history.content(digest_of(b"x")))) == ["table"]


def test_a_run_in_a_run_uses_what_the_outer_one_has_made_so_far():
    outer = run(1, artifact("output", "table"), hours=5)
    inner = run(2, artifact("input", "table"), parent=outer.id)
    history = History([outer, inner])
    node = history.run(inner.id)
    assert node is not None
    assert edges(history.upstream(node)) == {("run 1", "table"), ("table", "run 2")}


def test_what_was_really_fetched_from_a_run_counts_before_the_latest():
    makers = [run(n, artifact("output", "m", "same")) for n in (1, 2)]
    user = run(3, artifact("input", "m", "same", address=(("run", makers[0].id),)))
    history = History([*makers, user])
    node = history.run(user.id)
    assert node is not None
    assert named(history.upstream(node)) == ["m", "run 1", "run 3"]


def test_two_outputs_of_one_run_with_the_same_content_are_two():
    maker = run(1, artifact("output", "train.txt", "same"), artifact("output", "test.txt", "same"))
    user = run(2, artifact("input", "test.txt", "same"))
    history = History([maker, user])
    node, used = history.run(maker.id), history.run(user.id)
    assert node is not None and used is not None
    assert named(history.downstream(node)) == ["run 1", "run 2", "test.txt", "train.txt"]
    assert edges(history.upstream(used)) == {("run 1", "test.txt"), ("test.txt", "run 2")}


def test_the_code_that_a_run_saw_stands_for_code_that_it_did_not_save():
    seen = Revision("a" * 40, "b" * 40, True, code=digest_of(b"tree"))
    history = History([run(1, artifact("output", "out"), revision=seen)])
    graph = history.upstream(history.content(digest_of(b"out")))
    assert named(graph) == ["code at aaaaaaaa and changes", "out", "run 1"]


def test_where_it_is_cut_is_said():
    history = History(guesses())
    graph = history.upstream(closest(history), depth=2)
    assert named(graph) == ["find_square_root.py", "run 3", "run_2_closest", "run_2_guesses", "run_3_closest"]
    assert {node.name for node in graph.nodes if node.id in graph.cut} == {"run_2_closest", "run_2_guesses"}
    assert history.upstream(closest(history), depth=0).nodes == (closest(history),)


def test_what_no_run_made_came_from_what_was_said():
    raw, clean = digest_of(b"raw"), digest_of(b"clean")
    user = run(1, artifact("input", "clean"))
    history = History([user], {clean: (("raw.csv", raw),)})
    node = history.run(user.id)
    assert node is not None
    assert edges(history.upstream(node)) == {("raw.csv", "clean"), ("clean", "run 1")}
    assert edges(history.downstream(history.content(raw))) == {("raw.csv", "clean"), ("clean", "run 1")}


def test_a_run_that_left_its_input_as_it_was_is_no_circle_without_end():
    history = History([run(1, artifact("input", "a", "x"), artifact("output", "a", "x"))])
    graph = history.upstream(history.content(digest_of(b"x")))
    assert [edge.how for edge in graph.edges] == ["made", "declared"]
    assert [node.kind for node in graph.nodes] == ["artifact", "run", "artifact"]


CONTENTS = st.sampled_from("abcde")


@st.composite
def histories(draw: st.DrawFn) -> list[Record]:
    found = []
    for number in range(draw(st.integers(1, 8))):
        inputs = [artifact("input", f"in {one}", one) for one in draw(st.sets(CONTENTS, max_size=3))]
        outputs = [artifact("output", f"out {one}", one) for one in draw(st.sets(CONTENTS, max_size=3))]
        code = [artifact("code", "code", f"code {draw(st.integers(0, 1))}")] * draw(st.integers(0, 1))
        hour, hours = draw(st.integers(0, 4)), draw(st.integers(0, 2))
        found.append(run(number, *code, *inputs, *outputs, hour=hour, hours=hours))
    return found


@settings(max_examples=200, deadline=None)
@given(histories())
def test_what_something_came_from_has_it_among_what_came_of_that(records: list[Record]):
    history = History(records)
    starts = [history.run(record.id) for record in records]
    for start in starts:
        assert start is not None
        up = history.upstream(start)
        for node in up.nodes:
            down = history.downstream(node)
            assert start.id in {each.id for each in down.nodes}
            assert {edge for edge in up.edges if edge.source == node.id} <= set(down.edges)


@settings(max_examples=200, deadline=None)
@given(histories())
def test_no_edge_into_a_run_comes_from_one_that_began_later(records: list[Record]):
    history = History(records)
    for record in records:
        start = history.run(record.id)
        assert start is not None
        graph = history.upstream(start)
        nodes = {node.id: node for node in graph.nodes}
        for edge in graph.edges:
            maker, user = nodes[edge.source].run, nodes[edge.target].record
            if maker is not None and user is not None:
                began = next(each.started for each in records if each.id == maker)
                assert began <= user.started


def test_a_chain_of_ten_thousand_runs_is_followed():
    chain = [run(n, artifact("input", f"v{n}"), artifact("output", f"v{n + 1}"), hour=n) for n in range(10_000)]
    history = History(chain)
    graph = history.upstream(history.content(digest_of(b"v10000")))
    assert len(graph.nodes) == 20_001
    assert graph.edges[0] == Edge(f"run:{chain[-1].id}", graph.start, "made")


def test_content_that_nobody_knows_stands_alone():
    graph = History([]).downstream(History([]).content(Digest(bytes(32))))
    assert [node.name for node in graph.nodes] == ["blake3:000000000000"]


def test_twenty_thousand_makers_and_users_of_one_empty_file_are_followed():
    records = [
        run(n, artifact("input", "log", ""), artifact("output", "log", ""), hour=n, hours=0.5) for n in range(20_000)
    ]
    history = History(records)
    graph = history.downstream(history.node_of(records[0], records[0].of("output")[0]))
    assert len(graph.nodes) == 40_000 - 1
    node = graph.nodes[0]
    assert node.also_count == 19_999 and len(node.also) == 20 and node.also_named[0] == "run 19999"


def test_what_a_command_said_is_no_producer_of_the_same_bytes():
    said = artifact("output", "stdout.log", "same")
    talker = run(1, said)
    user = run(2, artifact("input", "data.txt", "same"), artifact("output", "model"))
    maker = run(0, artifact("output", "data.txt", "same"))
    model = user.of("output")[0]
    assert named(History([talker, user]).upstream(History([talker, user]).node_of(user, model))) == [
        "data.txt", "model", "run 2",
    ]  # fmt: skip
    history = History([maker, talker, user])
    assert named(history.upstream(history.node_of(user, model))) == ["data.txt", "model", "run 0", "run 2"]
    assert history.content(said.digest).also == ()
    assert named(history.downstream(history.node_of(talker, said))) == ["stdout.log"]


def test_a_log_is_what_who_fetched_it_or_calls_it_so_has_used():
    said = artifact("output", "stdout.log", "same")
    talker = run(1, said)
    for used in (
        artifact("input", "stdout.log", "same"),
        artifact("input", f"{talker.short}/stdout.log", "same"),
        artifact("input", "copy.txt", "same", address=(("run", talker.id),)),
    ):
        user = run(2, used)
        history = History([talker, user])
        start = history.run(user.id)
        assert start is not None and "run 1" in named(history.upstream(start))
    assert History([talker]).content(said.digest).run == talker.id


def test_all_who_used_content_are_known_whoever_made_it_for_them():
    makers = [run(number, artifact("output", f"made {number}", "same")) for number in (1, 3)]
    users = [run(number, artifact("input", "it", "same")) for number in (2, 4)]
    history = History([*makers, *users])
    assert [one.name for one in history.users(digest_of(b"same"))] == ["run 2", "run 4"]
    assert history.users(digest_of(b"other")) == ()
    assert [one.name for one in History([run(1, CODE)]).users(CODE.digest)] == ["run 1"]


@st.composite
def tangles(draw: st.DrawFn) -> list[Record]:
    """Runs with the same few contents over and over, at the same times, unended, in a run, fetched, once under two
    names.
    """
    found: list[Record] = []
    for number in range(draw(st.integers(1, 7))):
        fetched = (("run", draw(st.sampled_from(found)).id),) if found and draw(st.booleans()) else ()
        inputs = [
            artifact("input", draw(st.sampled_from(["x", "y"])), one, address=fetched)
            for one in draw(st.sets(CONTENTS, max_size=2))
        ]
        outputs = [artifact("output", name, draw(CONTENTS)) for name in draw(st.sets(st.sampled_from(["x", "y", "z"])))]
        hour, hours = draw(st.integers(0, 3)), draw(st.integers(0, 2))
        record = run(number, *inputs, *outputs, hour=hour, hours=hours)
        found.append(replace(record, ended=None, status="running") if draw(st.integers(0, 5)) == 0 else record)
    return draw(st.permutations(found))


def naively(records: list[Record], user: Record, used: Used) -> tuple[str, str] | None:
    """(run, name) of what a run used, as it was made, by the rules one by one."""
    made = [one for one in records if one.id != user.id and any(o.digest == used.digest for o in one.of("output"))]
    fetched = [one for one in made if one.id == dict(used.address).get("run") and one.started <= user.started]
    ended = [one for one in made if one.ended is not None and one.ended <= user.started]
    begun = [one for one in made if one.started < user.started]
    several = fetched or ended or begun
    if not several:
        return None
    chosen = max(several, key=lambda one: (one.ended or one.started, one.id))
    names = [output.shown for output in chosen.of("output") if output.digest == used.digest]
    return chosen.id, used.shown if used.shown in names else names[0]


@settings(max_examples=300, deadline=None)
@given(tangles())
def test_who_made_what_was_used_is_what_the_rules_say(records: list[Record]):
    history = History(records)
    for user in records:
        node = history.run(user.id)
        assert node is not None
        graph = history.upstream(node, depth=1)
        found = {(each.run, each.name) for each in graph.nodes if each.kind == "artifact" and each.run is not None}
        expected = [naively(records, user, used) for used in user.of("input")]
        assert found == {each for each in expected if each is not None}
        for each in graph.nodes:
            if each.kind == "artifact" and each.run is not None:
                others = {r.id for r in records if any(o.digest == each.digest for o in r.of("output"))} - {each.run}
                assert set(each.also) == others and each.also_count == len(others)


def test_data_that_was_there_before_a_run_copied_it_is_what_the_run_used():
    copies = run(1, artifact("input", "raw.csv", "x"), artifact("output", "copy.csv", "x"))
    uses = run(3, artifact("input", "copy.csv", "x"), artifact("output", "sum.txt"))
    history = History([copies, uses])
    raw, copy = (history.content(digest_of(b"x"), name=name) for name in ("raw.csv", "copy.csv"))
    assert raw.run is None and raw.name == "raw.csv" and copy.run == copies.id
    assert history.upstream(raw).edges == ()
    assert edges(history.downstream(raw)) == {
        ("raw.csv", "run 1"), ("run 1", "copy.csv"), ("copy.csv", "run 3"), ("run 3", "sum.txt"),
    }  # fmt: skip
    assert edges(history.upstream(copy)) == {("raw.csv", "run 1"), ("run 1", "copy.csv")}
    assert history.content(digest_of(b"x"), run=copies.id, name="raw.csv").id == copy.id, "its pointer says who made it"
