import pytest

from cellweave.workflows.generation_stages import joined_licences, training_licences


@pytest.mark.parametrize(
    ("training", "expected"),
    [
        ({"data": {"licence": "CC0-1.0"}}, ["CC0-1.0"]),
        ({"data": [{"licence": "BSD-3-Clause"}, {"licence": "CC-BY-NC-4.0"}]}, ["BSD-3-Clause", "CC-BY-NC-4.0"]),
        ({"data": {}}, ["unknown"]),
        ({}, ["unknown"]),
        (None, ["unknown"]),
    ],
)
def test_licences_are_those_of_all_training_data(training, expected):
    assert training_licences({"training": training}) == expected


def test_no_licence_is_lost_or_said_twice():
    assert joined_licences(["CC0-1.0", "CC-BY-NC-4.0", "CC0-1.0"]) == "CC0-1.0 and CC-BY-NC-4.0"
