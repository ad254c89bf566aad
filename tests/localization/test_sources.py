"""The data sets that a localiser learns from: their roles, their classes, and whom a fold may not see."""

import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cellweave.core import Cells, DatasetError, InvalidInputError
from cellweave.data import CellClass, CellDataset, DatasetWriter
from cellweave.localization.provenance import generator_facts
from cellweave.localization.sources import LocatorSources

CLASSES = (CellClass("blue", "#0000ff"), CellClass("red", "#ff0000"))
GENERATOR = {"seed": 3, "image_model": "ab" * 32, "sampler": "ddim"}


@pytest.fixture
def write(tmp_path):
    """A function that writes a data set of one-cell images, each given as (name, group, split)."""

    def writer(name, images, *, provenance=None, classes=CLASSES, pixels=True, labels=(0,), layouts=None):
        with DatasetWriter(tmp_path / name, name=name, classes=classes, licence="CC0", source="a test") as one:
            for i, (image, group, split) in enumerate(images):
                names = [each.name for each in classes]
                cells = Cells([[i + 0.5, 1.5]] * len(labels), labels, classes=names, shape=(8, 99), mpp=0.5)
                of_one = None if provenance is None else {**provenance, "index": i}
                of_one = of_one if layouts is None else {**of_one, "layouts": layouts}
                drawn = np.full((8, 99, 3), len(name), np.uint8) if pixels else None
                one.add(image, cells, pixels=drawn, split=split, group=group, provenance=of_one)
        return CellDataset.open(tmp_path / name)

    return writer


@pytest.fixture
def real(write):
    images = [("a", "p1", "training"), ("b", "p1", "training"), ("c", "p2", "training"), ("d", "p3", "test")]
    return write("real", images)


def generated(write, name="made", count=3, **options):
    images = [(f"sample-{i}", None, "training") for i in range(count)]
    return write(name, images, provenance=GENERATOR, **options)


def keys(images):
    return [image.key for image in images]


def test_real_images_are_of_the_training_split_and_synthetic_ones_of_any(write, real):
    made = write("made", [("x", None, "training"), ("y", None, "test")], provenance=GENERATOR)
    sources = LocatorSources([real], [made])
    assert keys(sources.real) == ["a", "b", "c"]
    assert keys(sources.synthetic) == ["synthetic 1/x", "synthetic 1/y"]
    assert sources.groups() == {"a": "p1", "b": "p1", "c": "p2"}
    assert sources.share == 0.5
    assert sources.identity() == {"synthetic_data": [made.checksum], "synthetic_share": 0.5}
    assert sources.describe_synthetic() == {
        "share": 0.5,
        "images": 2,
        "cells": 2,
        "data": [
            {
                "name": "made",
                "checksum": made.checksum,
                "licence": "CC0",
                "source": "a test",
                "generator": GENERATOR,
            }
        ],
    }


def test_without_synthetic_images_nothing_is_added(real):
    sources = LocatorSources([real])
    assert (sources.share, sources.identity(), sources.describe_synthetic()) == (0, {}, None)


def test_images_of_one_name_are_told_apart_and_groups_of_one_name_are_one_patient(write, real):
    other = write("other", [("a", "p2", "training"), ("e", "p4", "training")])
    sources = LocatorSources([real, other])
    assert sources.groups() == {"1/a": "p1", "1/b": "p1", "1/c": "p2", "2/a": "p2", "2/e": "p4"}
    folds = sources.folds(3)
    assert sorted(sorted(keys(fold.held_out)) for fold in folds) == [["1/a", "1/b"], ["1/c", "2/a"], ["2/e"]]
    for fold in folds:
        assert sorted(keys(fold.real) + keys(fold.held_out)) == sorted(sources.groups())


def test_synthetic_images_take_part_in_every_fold(write, real):
    sources = LocatorSources([real], [generated(write)], 0.25)
    assert [keys(fold.synthetic) for fold in sources.folds(2)] == [keys(sources.synthetic)] * 2


def test_what_is_painted_from_held_out_layouts_is_held_out_with_them(write, real):
    painted = [("a", "p1", "training"), ("c", "p2", "training")]
    made = write("made", painted, provenance=GENERATOR, layouts=real.checksum)
    folds = LocatorSources([real], [made]).folds(2)
    left = {tuple(keys(fold.held_out)): keys(fold.synthetic) for fold in folds}
    assert left == {("a", "b"): ["synthetic 1/c"], ("c",): ["synthetic 1/a"]}


def test_a_fold_without_synthetic_images_is_refused(write, real):
    made = write("made", [("a", "p1", "training")], provenance=GENERATOR, layouts=real.checksum)
    with pytest.raises(InvalidInputError, match=r"from the layouts of \['p1'\], who are held out together in a fold"):
        LocatorSources([real], [made]).folds(2)


def test_what_is_painted_from_test_layouts_is_refused(write, real):
    made = write("made", [("d", "p3", "test")], provenance=GENERATOR, layouts=real.checksum)
    message = "image 'd' of .*made is painted from a test layout of .*real, which nothing may learn from"
    with pytest.raises(InvalidInputError, match=message):
        LocatorSources([real], [made])


def test_layouts_of_other_data_sets_are_nobodys(write, real):
    made = generated(write, layouts="cd" * 32)
    assert {image.group for image in LocatorSources([real], [made]).synthetic} == {None}


def test_provenance_that_names_an_image_too_many_is_refused(write, real):
    made = write("made", [("z", "p1", "training")], provenance=GENERATOR, layouts=real.checksum)
    with pytest.raises(DatasetError, match=r"says that image 'z' shows a layout of .*real, which has no image of that"):
        LocatorSources([real], [made])


def test_facts_are_lists_where_images_differ_in_them(write):
    made = generated(write, count=40)
    table = pq.read_table(made.root / "provenance.parquet").drop_columns("seed")
    table = table.append_column("seed", pa.array([1, 2] * 20)).append_column("note", pa.array(map(str, range(40))))
    pq.write_table(table, made.root / "provenance.parquet")
    assert generator_facts(made) == {"seed": [1, 2], "image_model": "ab" * 32, "sampler": "ddim"}


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5, float("nan")])
def test_shares_that_make_no_sense_are_refused(write, real, share):
    with pytest.raises(InvalidInputError, match=rf"--synthetic-share must lie between 0 and 1, got {share:g}; "):
        LocatorSources([real], [generated(write)], share)


def test_a_share_of_nothing_is_refused(real):
    with pytest.raises(InvalidInputError, match=r"--synthetic-share 0.5 is given without synthetic data; name the"):
        LocatorSources([real], share=0.5)


def test_no_data_set_is_refused():
    with pytest.raises(InvalidInputError, match=r"there is no data set to train on; give one with --data"):
        LocatorSources([])


def test_roles_are_not_to_be_mixed_up(write, real):
    made = generated(write)
    with pytest.raises(InvalidInputError, match=r"made was generated \(provenance.parquet says how\).* as --synthetic"):
        LocatorSources([real, made])
    with pytest.raises(InvalidInputError, match=r"real has no provenance.parquet, so no generator made it; pass it as"):
        LocatorSources([real], [real])


@pytest.mark.parametrize("damage", [None, b"", b"text"])
def test_lost_or_damaged_provenance_does_not_make_a_data_set_real(write, real, damage):
    made = generated(write)
    (made.root / "provenance.parquet").unlink()
    if damage is not None:
        (made.root / "provenance.parquet").write_bytes(damage)
    with pytest.raises(InvalidInputError, match="made was generated"):
        LocatorSources([made])
    with pytest.raises(DatasetError, match=r"provenance.parquet cannot be read \(.*\); copy the data set, or generate"):
        LocatorSources([real], [made])


def test_provenance_without_images_is_refused(write, real):
    made = generated(write)
    pq.write_table(pa.table({"seed": [1]}), made.root / "provenance.parquet")
    with pytest.raises(DatasetError, match=r"lacks the column image; it has \['seed'\]"):
        LocatorSources([real], [made])


def test_layouts_alone_are_refused_with_the_remedy(write, real):
    made = generated(write, pixels=False)
    message = re.escape(f"`cellweave generate images --layouts {made.root}`, and pass the result as --synthetic")
    with pytest.raises(InvalidInputError, match=f"image 'sample-0' of .* is a layout without an image; .*{message}"):
        LocatorSources([real], [made])


def test_a_data_set_is_given_once(write, real):
    with pytest.raises(InvalidInputError, match=r"real holds the same data as .*real; give each data set once"):
        LocatorSources([real, CellDataset.open(real.root)])
    made = generated(write)
    with pytest.raises(InvalidInputError, match=r"made holds the same data as .*made; give each data set once"):
        LocatorSources([real], [made, made])


@pytest.mark.parametrize(
    "classes",
    [
        CLASSES[::-1],
        CLASSES[:1],
        (),
        (CLASSES[0], CellClass("red", "#ee0000")),
        (CLASSES[0], CellClass("r", "#ff0000")),
    ],
    ids=["order", "fewer", "none", "colour", "name"],
)
@pytest.mark.parametrize("role", ["data", "synthetic"])
def test_classes_must_agree(write, real, role, classes):
    labels = (0,) if classes else (-1,)
    other = write(
        "other",
        [("x", "p9", "training")],
        classes=classes,
        labels=labels,
        provenance=GENERATOR if role != "data" else None,
    )
    has = re.escape(f"other has the classes {[f'{one.name} {one.colour}' for one in classes]}, but ")
    with pytest.raises(
        InvalidInputError, match=has + r".*real has \['blue #0000ff', 'red #ff0000'\]; the data sets of"
    ):
        LocatorSources([real, other] if role == "data" else [real], [other] if role != "data" else [])


def test_each_data_set_needs_something_to_learn(write, real):
    for labels, message in (
        ((), "have no cells; nothing can be learnt"),
        ((-1,), "declare the classes .* no cell has"),
    ):
        name = f"other{len(labels)}"
        other = write(name, [("x", "p9", "training")], labels=labels)
        with pytest.raises(InvalidInputError, match=f"the training images of .*{name} {message}"):
            LocatorSources([real, other])
        made = write(f"made{len(labels)}", [("x", None, "training")], labels=labels, provenance=GENERATOR)
        with pytest.raises(InvalidInputError, match=f"the images of .*made{len(labels)} {message}"):
            LocatorSources([real], [made])
    with pytest.raises(DatasetError, match=r"late has no image in split 'training'; it has \{'test': 1\}"):
        LocatorSources([real, write("late", [("x", "p9", "test")])])
