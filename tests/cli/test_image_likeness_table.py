"""The tables of how like real images synthetic ones are: rows stay where a score is not to be had."""

from types import SimpleNamespace

import pytest

from cellweave.cli.image_likeness_table import print_image_likeness
from cellweave.metrics.image_distances import Spread
from cellweave.metrics.image_likeness import KINDS, ImageLikeness


@pytest.mark.parametrize(
    ("scores", "shown"), [({}, "IS – – – –"), (dict.fromkeys(KINDS, Spread(1.5, 0.25)), "IS" + 4 * " 1.50 ± 0.25")]
)
def test_a_score_that_is_not_there_is_a_row_of_dashes(capsys, scores, shown):
    seen = {"synthetic": 0.5, "real": 0.75, "restained": None, "dots": 1.0}
    likeness = ImageLikeness("by hand", (), scores, seen, patches=4, splits=2, groups=3)
    print_image_likeness(SimpleNamespace(likeness=likeness, memorisation=None))
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert shown in lines
    assert "cells on a nucleus 50.0% 75.0% – 100.0%" in lines
