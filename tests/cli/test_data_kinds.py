from cellweave.cli.data import Format, Kind, Level
from cellweave.data.readers import READERS
from cellweave.data.readers.nucls_boxes import CLASSES
from cellweave.workflows.export import ENDINGS


def test_the_command_line_knows_every_reader_and_format() -> None:
    assert {kind.value for kind in Kind} == set(READERS)
    assert {one.value for one in Format} == set(ENDINGS)
    assert {one.value for one in Level} == set(CLASSES)
