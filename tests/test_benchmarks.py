"""The benchmarks run; what they measure is no test's business."""

import json
import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parent / "benchmarks"


def test_a_race_runs(tmp_path):
    report = tmp_path / "race.json"
    done = subprocess.run(
        [
            sys.executable,
            BENCHMARKS / "race.py",
            "smoke",
            "--threads",
            "1",
            "--rounds",
            "1",
            "--json",
            report,
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "uint8 64², 3²" in done.stdout
    assert "largest error: fftconv 0.5" in done.stdout
    content = json.loads(report.read_text(encoding="utf-8"))
    (cell,) = content["cells"]
    assert cell["best peer"] == cell["seconds"]["ndimage"] / cell["seconds"]["fftconv"] > 0
    assert content["configuration"]["core"]
    assert content["threads"] == 1
