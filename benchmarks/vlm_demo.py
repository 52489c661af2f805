"""Does a fine-tuned vision-language judge beat what it started from, and the majority, on the demo's images?

    python benchmarks/vlm_demo.py [--steps 240] [--rate 1e-3] [--rank 16] [--base FOLDER]

On a platform of its own: makes the demo's images and their synthetic judgments, registers the small model of
``benchmarks/small_vlm.py``, and asks for two versions by real jobs on a real worker: the model as it is, and fine-tuned
with LoRA. Prints what ``manage.py evaluate`` says of both. Ends with 1 where the fine-tuned one does not beat the
majority baseline on held-out prompts on brightness and clarity, or does not pass the gate.
"""

import argparse
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.servers import servers, set_up  # noqa: E402

NAME = "small-qwen2-vl"
MUST = ("color_brightness", "clarity")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=240)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--items", type=int, default=8, help="items per step")
    parser.add_argument("--held-out", type=float, default=0.4, help="share of the items, by whole prompts")
    parser.add_argument("--base", type=Path, help="made before by benchmarks/small_vlm.py (15 minutes on one core)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Stopped."))  # so that servers and the worker end as well
    with servers() as folder:
        run(options, folder)


def run(options: argparse.Namespace, folder: Path) -> None:
    set_up(folder, VLM_ROOTS=str(folder / "vlms"))
    from django.core.management import call_command

    from annotator.campaigns.models import Campaign
    from annotator.demo.content import image_versions
    from annotator.demo.services import create_demo
    from annotator.jobs.models import Job
    from annotator.rewards import services
    from benchmarks.small_vlm import make

    if options.base is None:
        make(folder / "vlms" / NAME)
    else:
        shutil.copytree(options.base, folder / "vlms" / NAME)
    create_demo(versions=list(image_versions()))
    Job.objects.all().delete()  # the demo's own first loop, which the embedded judge would do
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
          flush=True)  # fmt: skip
    worker = start_worker(folder)
    try:
        base = services.register_base(name=NAME)
        finished(base.job)
        base.refresh_from_db()
        print(f"{base}: {base.report['parameters'] / 1e6:.1f} M weights, answers {base.report['way']}", flush=True)
        campaign = Campaign.objects.get()

        def version(**settings: Any) -> Any:
            began = time.perf_counter()
            job = services.request_training(
                campaigns=[campaign],
                judge="vlm",
                promote=True,
                score_after=False,
                settings={"base": base.pk, **settings},
            )  # fmt: skip
            finished(job)
            print(f"{job.name}: {time.perf_counter() - began:.0f} s", flush=True)
            return job.result["reward_model"]

        as_it_is = version(use="as_it_is")
        tuned = version(
            rank=options.rank, alpha=2.0 * options.rank, targets="language", dropout=0.1, learning_rate=options.rate,
            epochs=1000, max_steps=options.steps, batch_size=options.items, accumulate=1, evaluate_every=20,
            checkpoint_every=20, patience=4, validation_share=options.held_out,
        )  # fmt: skip
    finally:
        worker.terminate()
        worker.wait(60)
    for model in (as_it_is, tuned):
        call_command("evaluate", model=model, markdown=True)
    sys.exit(0 if holds(tuned) else 1)


def holds(pk: int) -> bool:
    """Whether the version beats the majority where it must, and passed the gate."""
    from annotator.core.texts import in_this_language
    from annotator.rewards.evaluation import evaluate
    from annotator.rewards.models import RewardModel

    model = RewardModel.objects.get(pk=pk)
    rows = {row.id: row for row in evaluate(model).measured}
    for name in MUST:
        row = rows[name]
        print(f"{row.name}: accuracy {row.accuracy:.1%}, majority {row.baseline_accuracy:.1%}, "
              f"{'beaten' if row.is_better else 'NOT beaten'}")  # fmt: skip
    print(f"Gate: {'passed' if model.gate['passes'] else 'NOT passed'}. {in_this_language(model.gate['reason'])}")
    return bool(model.gate["passes"]) and all(rows[name].is_better for name in MUST)


def start_worker(folder: Path) -> "subprocess.Popen[bytes]":
    from django.conf import settings

    env = {**os.environ, "DATABASE_URL": settings.DATABASE_URL, "CELERY_BROKER_URL": settings.BROKER_URL}
    command = [sys.executable, "-m", "celery", "--app", "annotator", "worker", "--queues", "default,gpu",
               "--pool", "solo", "--without-gossip", "--without-mingle"]  # fmt: skip
    with (folder / "worker.log").open("ab") as log:
        return subprocess.Popen(command, env=env, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)


def finished(job: Any) -> None:
    from annotator.jobs.models import FINISHED, JobState

    while job.state not in FINISHED:
        time.sleep(0.2)
        job.refresh_from_db()
    if job.state != JobState.SUCCEEDED:
        sys.exit(f"{job.name} failed: {job.error}")


if __name__ == "__main__":
    main()
