import numpy as np

from cellweave.data.phantom.bodies import Bodies, draw_bodies


def disc(x, y, radius, *, blue=1.0, edge=0.01, cover=1.0):
    one = np.ones(1)
    return Bodies(
        xy=np.array([[x, y]]),
        long=radius * one,
        wide=radius * one,
        angle=0 * one,
        waves=np.zeros((1, 4, 2)),
        edge=edge * one,
        cover=cover * one,
        blue=blue * one,
        eosin=0 * one,
        texture=0 * one,
        rim=0 * one,
        spots=np.zeros((1, 2)),
        spot_at=np.zeros((1, 2, 2)),
    )


def drawn(*parts, shape=(32, 40), ground=0.0):
    planes = (np.full(shape, ground, np.float32), np.full(shape, ground, np.float32))
    owner = draw_bodies(Bodies.joined(list(parts)), planes, np.zeros(shape, np.float32), detail_px=1.0)
    return owner, *planes


def test_a_disc_is_the_pixels_whose_centres_lie_within_its_radius():
    owner, blue, eosin = drawn(disc(20.0, 10.0, 6.3))
    rows, columns = np.mgrid[:32, :40] + 0.5
    inside = np.hypot(columns - 20, rows - 10) < 6.3
    np.testing.assert_array_equal(owner == 1, inside)
    np.testing.assert_allclose(blue, inside, atol=1e-6)
    assert not eosin.any()


def test_bodies_displace_their_share_of_the_ground():
    _, blue, eosin = drawn(disc(20, 10, 6, blue=0.5, cover=0.75), ground=0.4)
    assert blue[10, 20] == np.float32(0.4 * 0.25 + 0.5)
    assert eosin[10, 20] == np.float32(0.1)
    assert blue[30, 2] == np.float32(0.4)


def test_where_bodies_overlap_the_one_in_which_the_pixel_lies_deepest_owns_it():
    owner, *_ = drawn(disc(16.0, 16.0, 6), disc(22.0, 16.0, 6))
    reverse, *_ = drawn(disc(22.0, 16.0, 6), disc(16.0, 16.0, 6))
    assert (owner[16, 15], owner[16, 18], owner[16, 19], owner[16, 22]) == (1, 1, 2, 2)
    np.testing.assert_array_equal(owner, np.array([0, 2, 1])[reverse])


def test_bodies_at_the_border_are_cut_off():
    owner, blue, _ = drawn(disc(0.5, 0.5, 4), disc(39.5, 31.5, 4))
    assert owner[0, 0] == 1
    assert owner[31, 39] == 2
    assert (blue > 0.5).sum() == (owner > 0).sum()


def test_nothing_is_drawn_of_no_bodies():
    owner, blue, _ = drawn(disc(1, 1, 1).taken(np.zeros(0, np.int64)))
    assert not owner.any()
    assert not blue.any()
