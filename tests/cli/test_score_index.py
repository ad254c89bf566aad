"""``cellweave score index``, as it is typed."""

import json

import pytest

from cellweave.cli.main import main


@pytest.fixture
def tables(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "truth.csv").write_text("image,x,y,label\na,1,1,[+]\na,2,2,-\na,3,3,-\na,4,4,-\nb,1,1,-\n")
    (tmp_path / "cells.csv").write_text("image,x,y,label\na,1,1,[+]\na,2,2,-\n")
    return tmp_path


def lines_of(capsys):
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_table_for_people(tables, capsys):
    assert main(["score", "index", "cells.csv", "--index", "[+]:-", "--out", "index.json"]) == 0
    assert lines_of(capsys) == [
        "of [+] - index % interval over",
        "image a 1 1 50.0 [9.5, 90.5] cells",
        "all 1 1 50.0 [9.5, 90.5] cells",
        "written to index.json and index.csv",
    ]
    assert (tables / "index.csv").read_text().startswith("scope,image,region,group,positive,negative,index,low,high,")


def test_against_annotations(tables, capsys):
    assert main(["score", "index", "cells.csv", "--index", "[+]:-", "--truth", "truth.csv"]) == 0
    lines = lines_of(capsys)
    assert lines[1] == "image a 1 1 50.0 [9.5, 90.5] 25.0 [4.6, 69.9] +25.0 cells"
    assert lines[2] == "image b 0 0 – 0.0 [0.0, 79.3] – cells"
    assert lines[-2:] == [
        "index of 1 image against annotations: mean absolute difference 25.0 points, mean difference +25.0 points",
        "note no positive and no negative cell, so no index: b.",
    ]


def test_json_alone_goes_to_the_standard_output(tables, capsys):
    assert main(["score", "index", "truth.csv", "--index", "[+]:-", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(row["scope"], row["index"]) for row in told["rows"]] == [("image", 0.25), ("image", 0), ("all", 0.2)]


def test_many_rows_are_counted_instead_of_printed(tables, capsys):
    (tables / "many.csv").write_text("image,x,y,label\n" + "".join(f"i{i},1,1,p\ni{i},2,2,n\n" for i in range(40)))
    assert main(["score", "index", "many.csv", "--index", "p:n"]) == 0
    lines = lines_of(capsys)
    assert len(lines) == 1 + 30 + 1 + 1
    assert lines[-1] == "and 10 more rows, which the files and --json have"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--index", "+:-"], "--index '+:-': there is no class '+'; the classes are -, [+]."),
        (["--index", "[+]"], "--index '[+]' does not name two classes; write it as POSITIVE:NEGATIVE, such as"),
        (["--index", "[+]:-", "--regions", "no.geojson"], "no.geojson cannot be read (No such file or directory)"),
        (["--index", "[+]:-", "--out", "."], "--out . is a folder; give the JSON file to write, such as index.json."),
        (["--index", "[+]:-", "--out", "/"], "--out / is a folder; give the JSON file to write, such as index.json."),
        (["--index", "[+]:-", "--out", ".."], "--out .. is a folder; give the JSON file to write, such as index.json."),
        (["--index", "[+]:-", "--out", "cells.csv"], "--out cells.csv is the JSON file, beside which the CSV"),
        ([], "Missing option '--index'"),
    ],
)
def test_what_makes_no_sense_is_one_line_and_code_2(tables, capsys, words, message):
    assert main(["score", "index", "cells.csv", *words]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("cellweave: error: ")
    assert message in said.err
    assert (said.err.count("\n"), said.out) == (1, "")
