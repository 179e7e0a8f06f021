"""A report on models with pandas: how many versions each has, which is the default, how old and where it is.

    pip install "sqlalchemy_odpsmodel[cli]" pandas
    odpsmodel run models.db examples/models.sql
    python examples/report.py odpsmodel:///models.db report.csv

It prints the report, and writes it as CSV.  That needs SHOW and DESC only, so it works on MaxCompute too,
with a URL odpsmodel+pyodps://….  The inputs are read from a view, which is in a file only.
"""

import sys

import pandas as pd
from sqlalchemy import Engine, create_engine


def report(engine: Engine) -> pd.DataFrame:
    """One row a model of the URL's project and schema."""
    models = pd.read_sql("SHOW MODELS", engine, index_col="ModelName")
    rows = [about(name, engine) for name in models.index]
    return models[["ModelType", "DefaultVersion"]].join(pd.DataFrame(rows, index=models.index))


def about(name: str, engine: Engine) -> dict[str, object]:
    """A model's versions, and where its default version is: files in OSS or a service's address."""
    times = ["CreateTime"]  # in UTC, if the URL has no timezone
    versions = pd.read_sql(f"SHOW VERSIONS FOR MODEL {name}", engine, parse_dates=times)
    described = pd.read_sql(f"DESC MODEL {name}", engine).query("Section == 'Version Information'")
    default = described.set_index("Name")["Value"]
    return {
        "Versions": len(versions),
        "NotDefault": " ".join(versions.query("IsDefault != 'true'")["VersionName"]),
        "DaysOld": (pd.Timestamp.now("UTC").tz_localize(None) - versions["CreateTime"].max()).days,
        "Where": default["Path"] or default["ENDPOINT"],
    }


def inputs(engine: Engine) -> pd.DataFrame:
    """The type of each input by version, of all projects and schemas of a file."""
    found = pd.read_sql_table("odps_model_inputs", engine)
    model = ["project", "schema", "model"]
    return found.pivot(index=[*model, "name"], columns="version", values="type").fillna("")


def main(url: str, csv: str) -> None:
    engine = create_engine(url)
    found = report(engine)
    if found.empty:
        sys.exit("there are no models")
    print(found.to_string())
    found.to_csv(csv)
    if engine.driver != "pyodps":
        print(inputs(engine).to_string())


if __name__ == "__main__":
    main(*sys.argv[1:])
