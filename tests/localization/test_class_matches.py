"""Classes are tried without pairing all cells anew, to the scores and the choice of pairing all anew."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellweave.core import Cells, Length
from cellweave.localization.class_choice import FACTORS, NEIGHBOUR_RADII, STRENGTHS, choose_class_reading
from cellweave.localization.class_matches import ClassMatches
from cellweave.localization.class_reading import ClassReading, relabelled, with_neighbours
from cellweave.metrics.tally import tally_images

CLASSES = ("a", "b", "c")
SIDE, RADIUS = 60, 6.0


def tissue(seed, *, images=3, cells=25, present=3):
    """Return cells of some classes, what is found of them, and the latter's values: crowded, some alone, some unknown.

    Positions are on a grid of half pixels, so that distances are equal, and places taken twice.
    """
    rng = np.random.default_rng(seed)
    truth, found, values = {}, {}, {}
    for number in range(images):
        count = int(rng.integers(0, cells))
        xy = rng.integers(0, 2 * SIDE, (count, 2)) / 2
        labels = rng.integers(-1, present, count)
        seen = xy[rng.random(count) < 0.8]
        moved = np.clip(seen + rng.integers(-6, 7, seen.shape) / 2, 0, SIDE - 0.5)
        places = np.concatenate([moved, moved[:2], rng.integers(0, 2 * SIDE, (3, 2)) / 2])
        of_classes = rng.dirichlet([1.5, 1.0, 0.7], len(places)).astype(np.float32)
        image = f"image {images - number}"
        truth[image] = Cells(xy, labels, classes=CLASSES, shape=(SIDE, SIDE))
        found[image] = Cells(places, of_classes.argmax(axis=1), classes=CLASSES, shape=(SIDE, SIDE))
        values[image] = of_classes
    return truth, found, values


def mean_f1(truth, found, protocol):
    """Return the mean F1 of the classes that the truth has, from pairing all anew."""
    counts = tally_images(truth, found, protocol=protocol, radii=[Length(RADIUS)]).counts[:, 0, 1:].sum(axis=0)
    tp, fp, fn = counts[counts[:, 0] + counts[:, 2] > 0].T
    return float(np.mean(2 * tp / (2 * tp + fp + fn)))


def straightforward(truth, found, values, protocol):
    """Return the reading by its definition: every trial relabels and pairs all cells of all images."""
    frequency = sum(np.bincount(cells.labels[cells.labels >= 0], minlength=len(CLASSES)) for cells in truth.values())
    free = [label for label in np.flatnonzero(frequency) if label != frequency.argmax()]
    best, factors = (-1.0, None), (1.0,) * len(CLASSES)
    for strength in STRENGTHS:
        width = NEIGHBOUR_RADII * RADIUS
        read = {
            image: with_neighbours(found[image].xy, values[image], strength=strength, radius_px=width)
            for image in truth
        }

        def scored(tried, read=read):
            return mean_f1(truth, {image: relabelled(found[image], read[image], tried) for image in truth}, protocol)

        reached = scored(factors)
        for _ in range(4):
            before = reached
            for label in free:
                for factor in FACTORS:
                    trial = (*factors[:label], factor, *factors[label + 1 :])
                    if (f1 := scored(trial)) > reached:
                        factors, reached = trial, f1
            if reached == before:
                break
        if reached > best[0]:
            best = reached, ClassReading(factors, strength, width)
    return best[1]


@pytest.mark.parametrize("protocol", ["greedy", "matching"])
@pytest.mark.parametrize(("seed", "present"), [(0, 3), (1, 3), (2, 2)])
def test_the_choice_is_that_of_pairing_all_anew(seed, present, protocol):
    truth, found, values = tissue(seed, present=present)
    chosen = choose_class_reading(truth, found, values, radius_px=RADIUS, protocol=protocol)
    assert chosen == straightforward(truth, found, values, protocol)
    assert chosen != ClassReading.plain(len(CLASSES))


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.sampled_from(["greedy", "matching"]), st.floats(0, 1))
def test_what_changes_scores_as_all_anew(seed, protocol, share):
    truth, found, _ = tissue(seed)
    if not any((cells.labels >= 0).any() for cells in truth.values()):
        return
    matches = ClassMatches(truth, found, radius_px=RADIUS, protocol=protocol)
    rng = np.random.default_rng(seed)
    total = sum(map(len, found.values()))
    made, labels = None, rng.integers(0, len(CLASSES), total)
    for _ in range(4):
        made = matches.of(labels, made)
        each = np.split(labels, np.cumsum([len(found[image]) for image in matches.images])[:-1])
        read = {
            image: Cells(found[image].xy, of_image, classes=CLASSES, shape=(SIDE, SIDE))
            for image, of_image in zip(matches.images, each, strict=True)
        }
        assert made.mean_f1 == mean_f1(truth, read, protocol)
        labels = np.where(rng.random(total) < share, rng.integers(0, len(CLASSES), total), labels)


def test_only_groups_that_change_are_paired_anew(monkeypatch):
    # two groups far apart, one of two cells; the pairs handed to the protocol are those of the group that changes
    truth = Cells([[5, 5], [8, 5], [50, 50]], [0, 1, 1], classes=CLASSES, shape=(SIDE, SIDE))
    found = Cells([[6, 5], [7, 5], [50, 51]], [0, 0, 0], classes=CLASSES, shape=(SIDE, SIDE))
    matches = ClassMatches({"i": truth}, {"i": found}, radius_px=RADIUS, protocol="matching")
    first = matches.of(np.array([0, 1, 0]))
    assert first.hit.tolist() == [True, True, False]
    # a: 1 of 1 found, and one that is none; b: 1 of 2
    assert first.mean_f1 == pytest.approx((2 / 3 + 2 / 3) / 2)
    handed = []
    hits = matches._hits
    monkeypatch.setattr(
        matches, "_hits", lambda candidates, labels: handed.append(len(candidates.truth)) or hits(candidates, labels)
    )
    second = matches.of(np.array([0, 1, 1]), first)
    assert (second.hit.tolist(), second.mean_f1, handed) == ([True, True, True], 1.0, [1])
    assert matches.of(np.array([0, 1, 1]), second) is second
