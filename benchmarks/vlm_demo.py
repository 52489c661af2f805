"""Does a fine-tuned vision-language judge beat what it started from, and the majority, on the demo's images?

    python benchmarks/vlm_demo.py [--steps 600] [--rate 2e-3] [--rank 32]

On a platform of its own: makes the demo's images and their synthetic judgments, registers the small model of
``benchmarks/small_vlm.py``, and asks for two versions by real jobs on a real worker: the model as it is, and fine-tuned
with LoRA. Prints what ``manage.py evaluate`` says of both. Ends with 1 where the fine-tuned one does not beat the
majority baseline on held-out prompts on brightness and clarity, or does not pass the gate.
"""

import argparse
import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.servers import servers  # noqa: E402

NAME = "small-qwen2-vl"
MUST = ("color_brightness", "clarity")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--rank", type=int, default=32)
    parser.add_argument("--items", type=int, default=4, help="items a step")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Stopped."))  # so that servers and the worker end as well
    with servers() as folder:
        run(options, folder)


def run(options: argparse.Namespace, folder: Path) -> None:
    os.environ |= {"DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "annotator.settings", "LOG_LEVEL": "ERROR",
                   "VLM_ROOTS": str(folder / "vlms")}  # fmt: skip
    import django

    django.setup()
    from django.core.management import call_command

    from annotator.campaigns.models import Campaign
    from annotator.demo.content import image_versions
    from annotator.demo.services import create_demo
    from annotator.jobs.models import Job
    from annotator.rewards import services
    from benchmarks.small_vlm import make

    call_command("migrate", verbosity=0)
    make(folder / "vlms" / NAME)
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
            print(f"{job.title}: {time.perf_counter() - began:.0f} s", flush=True)
            return job.result["reward_model"]

        as_it_is = version(use="as_it_is")
        tuned = version(
            rank=options.rank, alpha=2.0 * options.rank, targets="all", dropout=0.0, learning_rate=options.rate,
            epochs=1000, max_steps=options.steps, batch_size=options.items, accumulate=1, evaluate_every=50,
            checkpoint_every=100, patience=8, validation_share=0.25,
        )  # fmt: skip
    finally:
        worker.terminate()
        worker.wait(60)
    for model in (as_it_is, tuned):
        call_command("evaluate", model=model, markdown=True)
    sys.exit(0 if holds(tuned) else 1)


def holds(pk: int) -> bool:
    """Whether the version beats the majority where it must, and passed the gate."""
    from annotator.rewards.evaluation import evaluate
    from annotator.rewards.models import RewardModel

    model = RewardModel.objects.get(pk=pk)
    rows = {row.id: row for row in evaluate(model).measured}
    for name in MUST:
        row = rows[name]
        print(f"{row.name}: accuracy {row.accuracy:.1%}, majority {row.baseline_accuracy:.1%}, "
              f"{'beaten' if row.is_better else 'NOT beaten'}")  # fmt: skip
    print(f"Gate: {'passed' if model.gate['passes'] else 'NOT passed'}. {model.gate['reason']}")
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
        sys.exit(f"{job.title} failed: {job.error}")


if __name__ == "__main__":
    main()
