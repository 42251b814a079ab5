"""The real darkroom, but with the encoder that lies beside the models: see
test_ledger_end_to_end."""

import os
from pathlib import Path

from msgspec.structs import replace

from mizaru.edge.darkroom import process
from mizaru.edge.darkroom.encode.stage import build_stage
from mizaru.edge.darkroom.side import Job
from mizaru.edge.settings import EmbeddingSettings


def build(job: Job):
    without = replace(job, camera=replace(job.camera, embedding=EmbeddingSettings(enabled=False)))
    perceiver, desensitizer, _ = process.build(without)
    return perceiver, desensitizer, build_stage(job.camera.embedding, folder=Path(job.models))


if __name__ == "__main__":
    os._exit(process.main(build))
