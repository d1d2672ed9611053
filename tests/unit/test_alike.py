"""Why two titles are alike: what both have, the rarest first, what matters to the view before the rest."""

from streams.alike import Facts, Reason, decoded, encoded, lists

PEOPLE = lists([["Ada", "Bo", "Cy"], ["Bo", "Cy"], ["Bo"], []])
CATEGORIES = lists([["Crime", "Drama"], ["Drama", "Crime"], ["Drama"], ["Drama"]])
FACTS = Facts({"people": PEOPLE, "categories": CATEGORIES})


def test_what_few_titles_have_is_named_first():
    assert FACTS.why(0, 1, "graph") == [Reason("people", ["Cy", "Bo"], 2), Reason("categories", ["Crime", "Drama"], 2)]


def test_a_view_of_categories_names_them_before_people():
    assert [reason.kind for reason in FACTS.why(0, 1, "category")] == ["categories", "people"]


def test_titles_that_share_nothing_have_no_reason():
    assert Facts({"people": PEOPLE}).why(0, 3, "combined") == []


def test_a_name_that_one_kind_gave_is_not_given_again_by_another():
    """What the model sees in both is often what both are listed under."""
    facts = Facts({"categories": CATEGORIES, "predicted": lists([["Drama", "Noir"], ["Noir", "Drama"], [], []])})
    assert facts.why(0, 1, "category") == [
        Reason("predicted", ["Drama", "Noir"], 2),
        Reason("categories", ["Crime"], 2),
    ]


def test_facts_survive_being_stored():
    stored = decoded(encoded(FACTS))
    assert stored.why(0, 1, "graph") == FACTS.why(0, 1, "graph")
    assert stored.kinds["people"].named(0) == ["Ada", "Bo", "Cy"]
