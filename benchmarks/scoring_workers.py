"""Does a second worker halve the time of one scoring job?

    python benchmarks/scoring_workers.py [--images 500] [--side 512]

Scores so many images, whose features nobody has measured yet, with the embedded judge: once by one Celery worker, once
by two that share the job. Each worker has one thread and a core of its own. The judge is loaded before the clock runs;
the clock stops when the job has ended. Prints the machine, the seconds, and the ratio, which should be at most 0.6.
"""

import argparse
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.servers import servers, set_up  # noqa: E402

GOAL = 0.6
WARM_UP = 64  # images that are scored before the clock runs: a chunk for each worker


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--side", type=int, default=512, help="pixels")
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        sys.exit("Two cores are needed, a worker each.")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Stopped."))  # so that servers and workers end as well
    with servers() as folder:
        run(options, folder, cores)


def run(options: argparse.Namespace, folder: Path, cores: list[int]) -> None:
    set_up(folder, OMP_NUM_THREADS="1", VALIDATION_FOLDS="1")
    model = train()
    warm_up, measured = make_images(WARM_UP, options.side, 1), make_images(options.images, options.side, 10_000)
    print(f"{platform.processor() or platform.machine()}, {len(cores)} cores, load {os.getloadavg()[0]:.1f}; "
          f"{options.images} images of {options.side} × {options.side}", flush=True)  # fmt: skip
    seconds = {}
    for count in (1, 2):
        forget(model)
        workers = [start_worker(folder, core) for core in cores[:count]]
        try:
            score(model, warm_up)
            seconds[count] = score(model, measured)
        finally:
            for worker in workers:
                worker.terminate()
            for worker in workers:
                worker.wait(60)
        rate = options.images / seconds[count]
        print(f"{count} worker{'s' if count > 1 else ' '} {seconds[count]:7.1f} s  {rate:6.1f} images/s", flush=True)
    ratio = seconds[2] / seconds[1]
    print(f"ratio {ratio:.2f} (goal: at most {GOAL}); load {os.getloadavg()[0]:.1f}")
    sys.exit(0 if ratio <= GOAL else 1)


def train() -> Any:
    """A promoted version of the embedded judge, trained on a few pictures made for it."""
    from annotator.accounts.models import User
    from annotator.jobs.models import Job
    from annotator.jobs.services import claim
    from annotator.rewards import services
    from annotator.rewards.models import RewardModel
    from tests.annotator.rewards.pictures import make_pictures, open_campaign, submit_all

    campaign = open_campaign(make_pictures(prompts=5))
    submit_all(campaign, User.objects.create_user("ann"), seed=0)
    held = claim(str(services.request_training(campaigns=[campaign], promote=True, score_after=False).pk))
    assert held is not None
    services.train(held)
    Job.objects.all().delete()
    return RewardModel.objects.get()


def make_images(count: int, side: int, seed: int) -> list[int]:
    """Pictures with coarse shapes and fine texture, in the library; their ids."""
    from annotator.library.services import record_generator, record_item, record_prompt, store_media

    generator, made = record_generator("benchmark"), []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            rng = np.random.default_rng(seed + number)
            coarse = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)).resize((side, side))
            fine = np.asarray(coarse, np.float64) + rng.normal(0, 12, (side, side, 1))
            path = Path(folder) / f"{number}.jpg"
            Image.fromarray(np.clip(fine, 0, 255).astype(np.uint8)).save(path)
            prompt = record_prompt(f"Shapes of series {seed}, number {number // 4}")
            item, _new = record_item(facts=store_media(path, path.name), prompt=prompt, generator=generator)
            made.append(item.pk)
    return made


def forget(model: Any) -> None:
    """As if nothing had been scored or measured."""
    from django.conf import settings

    from annotator.rewards.models import AutomaticScoring, Score

    Score.objects.filter(reward_model=model).delete()
    AutomaticScoring.objects.all().delete()
    shutil.rmtree(settings.ARTIFACT_ROOT / "features", ignore_errors=True)


def start_worker(folder: Path, core: int) -> "subprocess.Popen[bytes]":
    from django.conf import settings

    env = {**os.environ, "DATABASE_URL": settings.DATABASE_URL, "CELERY_BROKER_URL": settings.BROKER_URL}
    command = [sys.executable, "-m", "celery", "--app", "annotator", "worker", "--queues", "gpu", "--pool", "solo",
               "--hostname", f"gpu-{core}@benchmark", "--without-gossip", "--without-mingle"]  # fmt: skip
    with (folder / f"worker-{core}.log").open("ab") as log:
        return subprocess.Popen(command, env=env, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT,
                                preexec_fn=partial(os.sched_setaffinity, 0, {core}))  # fmt: skip


def score(model: Any, items: list[int]) -> float:
    """Seconds from asking for the scores of these items to the end of the job."""
    from annotator.jobs.models import FINISHED, JobState, Queue
    from annotator.jobs.services import enqueue
    from annotator.rewards.services.scoring import SCORE_TASK

    params = {"reward_model": model.pk, "items": items}
    began = time.perf_counter()
    job = enqueue(kind=SCORE_TASK, title="Benchmark", params=params, queue=Queue.GPU)
    while job.state not in FINISHED:
        time.sleep(0.05)
        job.refresh_from_db()
    if job.state != JobState.SUCCEEDED:
        sys.exit(f"The scoring failed: {job.error}")
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
