import json
from dataclasses import replace

import numpy as np
import pytest

from cellweave.core import InvalidInputError
from cellweave.metrics.image_likeness import FID, KID, NUCLEI, ImageSample, score_likeness

IMAGES, PATCHES, CELLS = 12, 20, 10


def sample(seed, *, shift=0.0, size=6.0, images=IMAGES, patches=PATCHES, groups=None):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(images * patches, 5)).astype(np.float32)
    features[:, 0] += shift
    return ImageSample(
        tuple(f"g{i}" for i in range(images)) if groups is None else groups,
        features,
        features[:, :4],
        np.repeat(np.arange(images), patches),
        rng.normal(size, 1, images * CELLS),
        np.tile([0, 1], images * CELLS // 2),
        np.repeat(np.arange(images), CELLS),
    )


REAL, RESTAINED, DOTS = sample(0), sample(0, shift=0.1), sample(0, shift=4, size=3)


def score(made, *, real=REAL, restained=RESTAINED, dots=DOTS, **options):
    samples = {"synthetic": made, "restained": restained, "dots": dots, "real": real}
    return score_likeness(samples, encoder="by hand", classes=("a", "b"), **({"splits": 4} | options))


def test_real_images_lie_at_zero_and_dots_at_one():
    like, unlike = score(sample(1)), score(sample(1, shift=4, size=3))
    for key in ((KID, "all"), (FID, "all"), (NUCLEI, "all"), (NUCLEI, "a"), (NUCLEI, "b")):
        assert like.row(*key).position("synthetic") == pytest.approx(0, abs=0.15)
        assert unlike.row(*key).position("synthetic") == pytest.approx(1, abs=0.25)
        low, high = like.row(*key).intervals["synthetic"]
        assert low <= like.row(*key).position("synthetic") <= high
    assert abs(like.row(KID).position("restained")) < 0.1
    assert like.row(NUCLEI).levels["dots"].mean == pytest.approx(3, abs=0.5)
    assert like.row(KID).levels["dots"].mean > 10 * abs(like.row(KID).levels["real"].mean)


def test_all_sides_have_as_many_patches():
    assert score(sample(1)).patches == IMAGES * PATCHES // 2
    assert score(sample(1, images=4)).patches == 2 * PATCHES
    assert score(sample(1, images=1)).patches == PATCHES  # the only image takes part in every split


def test_patients_are_never_on_both_sides():
    """Two patients, each unlike the other: the floor is their difference, and not that of mixed halves."""
    halves = [sample(i, images=2, shift=6.0 * i, groups=(f"p{i}",) * 2) for i in (0, 1)]
    fields = ("features", "logits", "diameters_um", "labels")
    joined = {name: np.concatenate([getattr(one, name) for one in halves]) for name in fields}
    images = {
        name: np.concatenate([getattr(halves[0], name), getattr(halves[1], name) + 2])
        for name in ("patch_images", "cell_images")
    }
    real = ImageSample(groups=("p0", "p0", "p1", "p1"), **joined, **images)
    found = score(sample(1), real=real, restained=real, dots=real)
    assert found.row(FID).levels["real"].mean > 30
    assert found.row(FID).position("synthetic") is None


def test_scores_of_classes_and_nuclei_seen():
    few = sample(1)
    few.diameters_um[::4] = np.nan
    found = score(few)
    assert found.nuclei_seen["synthetic"] == 0.75
    assert set(found.inception_scores) == {"synthetic", "restained", "dots", "real"}
    assert 1 <= found.inception_scores["real"].mean <= 4


def test_without_logits_there_is_no_score_of_classes_and_a_note_says_so():
    silent = {kind: replace(one, logits=None) for kind, one in {"real": REAL, "restained": RESTAINED}.items()}
    found = score(replace(sample(1), logits=None), **silent, dots=replace(DOTS, logits=None))
    assert found.inception_scores == {}
    assert found.notes == ("No IS: the encoder (by hand) gives no logits of classes.",)


def test_too_few_cells_or_patches_leave_a_measure_undefined():
    small = sample(1, images=2, patches=3)
    found = score(small)
    assert found.patches == 3
    assert found.notes == ("No FID: 3 patches on either side do not fix the covariance of 5 features.",)
    assert found.row(NUCLEI, "a").position("synthetic") is None  # five cells in the image that takes part
    json.dumps(found.to_json(), allow_nan=False)


def test_json_and_progress():
    seen = []
    found = score(sample(1), progress=lambda *about: seen.append(about[:3]))
    assert seen[-1] == ("comparing images", 4, 4)
    about = found.to_json()
    assert about["rows"][0]["positions"]["synthetic"]["position"] == found.row(KID).position("synthetic")
    assert about == score(sample(1)).to_json()


def test_bad_input_is_named():
    alone = sample(0, groups=("g",) * IMAGES)
    with pytest.raises(InvalidInputError, match="there are 1 groups and 4 splits"):
        score(sample(1), real=alone)
    with pytest.raises(InvalidInputError, match="fewer than two patches"):
        score(sample(1, images=1, patches=1))
