"""The served description held against the running daemon, by schemathesis and by hand."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from shaped import answers_fit
from shown_world import Show, show

CONFIG = Path(__file__).with_name("schemathesis.toml")
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
DOCUMENT = "/api/v1/openapi.json"
SEED = int(os.environ.get("SEED", "20260101"))
EXAMPLES, MOST_SECONDS = 25, 60
STREAM = "/api/v1/stream"
"""It never ends, so nobody waits for its answer here, but tests/integration/test_web_stream.py."""
jsonschema = pytest.importorskip("jsonschema", reason="it comes with make test-deploy")

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shown(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Show]:
    """A daemon that has alerts to tell of: its world fell by a third."""
    async with show(tmp_path_factory.mktemp("openapi")) as made:
        await made.fall(30)
        await made.settled()
        await made.daemon.says("/api/v1/alerts", "firing")
        await made.daemon.says("/readyz", "true")
        yield made


async def described(shown: Show) -> dict[str, Any]:
    status, document = await shown.daemon.get(DOCUMENT)
    assert status == 200
    assert isinstance(document, dict)
    return document


def references(part: Any) -> Iterator[str]:
    """Every `$ref` anywhere in a document."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for inner in part.values():
            yield from references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from references(inner)


async def test_document__as_served__is_whole_and_its_schemas_are_schemas(shown: Show) -> None:
    document = await described(shown)
    schemas = document["components"]["schemas"]
    assert {reference.rpartition("/")[2] for reference in references(document)} <= set(schemas)
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    operations = [each for path in document["paths"].values() for each in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names) == len(document["paths"])
    for operation in operations:
        for parameter in operation.get("parameters", []):
            assert parameter["description"]
            assert "type" in parameter["schema"]


async def test_answers__of_a_market_that_fell__are_of_the_described_shapes(shown: Show) -> None:
    told = await answers_fit(shown.daemon)
    assert told["/api/v1/alerts"]["alerts"]
    assert told["/api/v1/loops?limit=1000"]["loops"]
    assert told["/api/v1/claims?limit=1000"]["markets"]


async def test_schemathesis__against_the_running_daemon__finds_no_fault(
    shown: Show, tmp_path: Path
) -> None:
    """No 5xx, no status, content type or shape that is not described, nothing malformed taken, and
    405 with Allow for other methods. The daemon is ready; while it starts up, 503 is described.
    """
    options = [
        *("--config-file", str(CONFIG), "run", f"{shown.url}{DOCUMENT}"),
        *("--seed", str(SEED), "--max-examples", str(EXAMPLES), "--max-time", str(MOST_SECONDS)),
        *("--exclude-path", STREAM, "--no-color", "--continue-on-failure"),
        *("--generation-database", "none"),
    ]
    process = await asyncio.create_subprocess_exec(
        SCHEMATHESIS,
        *options,
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    text = said.decode(errors="replace")
    print(f"seed {SEED}\n{text}")  # noqa: T201 (of a failed run all of it is shown)
    assert process.returncode == 0, text[-6000:]
    asked = re.search(r"(\d+) generated", text)
    assert asked is not None
    assert int(asked[1]) > 300
    assert re.search(r"Selected: (\d+)/(\d+)", text)
    assert "Traceback" not in shown.daemon.log.read_text()
    assert (await shown.daemon.get("/readyz"))[0] == 200
