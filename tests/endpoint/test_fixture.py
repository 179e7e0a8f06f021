"""The package's fixture, as users import it; the other tests have one that does not wait for its stop."""

from __future__ import annotations

from samples import create

from sqlalchemy_odpsmodel.testing import MaxComputeEndpoint, maxcompute_endpoint  # noqa: F401


def test_it_serves(maxcompute_endpoint: MaxComputeEndpoint) -> None:  # noqa: F811
    maxcompute_endpoint.client("demo").execute_sql(create())
    assert maxcompute_endpoint.client("demo").exist_model("m")


def test_each_test_has_its_own(maxcompute_endpoint: MaxComputeEndpoint) -> None:  # noqa: F811
    assert list(maxcompute_endpoint.client("demo").list_models()) == []
