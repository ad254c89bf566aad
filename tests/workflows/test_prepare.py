from pathlib import Path

import numpy as np
import pytest

from cellweave.core import CellweaveError, InvalidImageError, InvalidInputError, OutputError
from cellweave.data import CellDataset, read_image, write_png
from cellweave.workflows.prepare import check_dataset, dataset_statistics, import_dataset, make_phantom, show_dataset


@pytest.fixture
def table(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        write_png(folder / f"{name}.png", rng.integers(0, 256, (20, 30, 3), dtype=np.uint8))
    (folder / "points.csv").write_text(
        "image,x,y,label,split\na,1,2,tumor,training\na,3,-1,,training\nb,5,5,tumor,test\n"
    )
    return folder / "points.csv"


def test_an_import_holds_the_cells_and_the_very_files(tmp_path: Path, table: Path) -> None:
    steps = []
    summary = import_dataset(
        "points-csv",
        table,
        tmp_path / "set",
        licence="CC0",
        progress=lambda stage, done, total, note="": steps.append((done, total)),
        mpp=0.5,
    )
    assert summary.images == {"training": 1, "test": 1}
    assert (summary.cells, summary.unlabelled, summary.clipped, summary.groups) == ({"tumor": 2}, 1, 1, 2)
    assert steps == [(1, 2), (2, 2)]
    dataset = CellDataset.open(tmp_path / "set")
    assert (dataset.name, dataset.licence) == ("points", "CC0")
    assert dataset.read_cells("a").xy.tolist() == [[1, 2], [3, 0.5]]
    assert dataset.image_path("a").read_bytes() == (table.parent / "a.png").read_bytes()
    assert check_dataset(tmp_path / "set").findings == ()


def test_the_same_import_gives_the_same_checksum(tmp_path: Path, table: Path) -> None:
    for name in ("one", "two"):
        import_dataset("points-csv", table, tmp_path / name)
    assert CellDataset.open(tmp_path / "one").checksum == CellDataset.open(tmp_path / "two").checksum


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (
            "yolo",
            {},
            "there is no reader 'yolo'; the readers are bcdata, brca-m2c, .*, points-csv, psu, qupath-geojson",
        ),
        ("brca-m2c", {"mpp": 0.5}, "the reader brca-m2c has no option 'mpp'; it takes none"),
        ("qupath-geojson", {"coordinates": "continuous"}, "has no option 'coordinates'; it takes images, image_table"),
    ],
)
def test_unknown_readers_and_options(tmp_path: Path, kind: str, options: dict, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        import_dataset(kind, tmp_path, tmp_path / "set", **options)


def test_a_failed_import_leaves_nothing(tmp_path: Path, table: Path) -> None:
    image = table.parent / "b.png"
    image.write_bytes(image.read_bytes()[:500])  # the header is whole
    with pytest.raises(InvalidImageError, match=r"b\.png is damaged or cut short"):
        import_dataset("points-csv", table, tmp_path / "set")
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_the_source_is_never_overwritten(table: Path) -> None:
    with pytest.raises(OutputError, match="holds the source"):
        import_dataset("points-csv", table, table.parent, overwrite=True)
    assert table.is_file()


def test_statistics_of_a_path(tmp_path: Path, table: Path) -> None:
    import_dataset("points-csv", table, tmp_path / "set")
    rows = dataset_statistics(tmp_path / "set")
    assert [(row.split, row.label, row.cells) for row in rows] == [
        ("training", "all", 2),
        ("training", "tumor", 1),
        ("test", "all", 1),
        ("test", "tumor", 1),
    ]


def test_a_contact_sheet_spreads_over_the_images(tmp_path: Path, table: Path) -> None:
    import_dataset("points-csv", table, tmp_path / "set")
    out = tmp_path / "sheet.png"
    assert show_dataset(tmp_path / "set", out, images=5) == ["a", "b"]
    drawn = read_image(out)
    show_dataset(tmp_path / "set", tmp_path / "bare.png", images=5, draw=False)
    assert (read_image(tmp_path / "bare.png") != drawn).any()
    with pytest.raises(OutputError, match=r"sheet\.png exists; .*--overwrite"):
        show_dataset(tmp_path / "set", out)
    assert show_dataset(tmp_path / "set", out, split="test", overwrite=True) == ["b"]
    with pytest.raises(InvalidInputError, match=r"sheet\.txt must end in \.png"):
        show_dataset(tmp_path / "set", tmp_path / "sheet.txt")
    with pytest.raises(CellweaveError, match="no image in split 'validation'"):
        show_dataset(tmp_path / "set", out, split="validation", overwrite=True)


def test_a_comparison_always_draws_its_conditions(tmp_path: Path) -> None:
    make_phantom(tmp_path / "set", images=6, size=64)
    make_phantom(tmp_path / "other", images=6, size=64)
    out = tmp_path / "sheet.png"
    with pytest.raises(InvalidInputError, match="leave --no-cells out"):
        show_dataset(tmp_path / "set", out, draw=False, beside=tmp_path / "other")
    assert not out.exists()
    assert len(show_dataset(tmp_path / "set", out, images=2, beside=tmp_path / "other")) == 2
    assert out.is_file()


def test_a_key_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    make_phantom(tmp_path / "set", images=6, size=64)
    make_phantom(tmp_path / "other", images=6, size=64, seed=1)
    out = tmp_path / "sheet.png"
    (tmp_path / "sheet.csv").write_text("mine")
    with pytest.raises(OutputError, match=r"sheet\.csv exists; .*--overwrite"):
        show_dataset(tmp_path / "set", out, images=2, beside=tmp_path / "other", layouts=True, blind=True)
    assert not out.exists()
    assert len(show_dataset(tmp_path / "set", out, images=2, beside=tmp_path / "other", layouts=True)) == 2
    assert (tmp_path / "sheet.csv").read_text() == "mine"
    assert out.is_file()


def test_phantom_tissue_is_a_clean_data_set(tmp_path: Path) -> None:
    summary = make_phantom(tmp_path / "phantom", images=6, size=64, seed=1)
    assert sum(summary.images.values()) == 6
    assert not check_dataset(tmp_path / "phantom").errors
