"""What the embedded judge's time an image goes to, and the network now and as it was.

    python benchmarks/judging.py [--images 64] [--side 512]

Milliseconds of a core for each part on one thread: decoding, the network's input, and, each as it was and as it is,
the median filter (SciPy's; a network of exchanges), the statistics with it, and the network (layer by layer, up to 16
pictures a pass; a frozen graph, a picture at a time). Then images a second of the whole, as scoring runs it, without a
cache.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--side", type=int, default=512, help="pixels")
    options = parser.parse_args()
    import torch
    from scipy import ndimage
    from threadpoolctl import threadpool_limits

    from benchmarks.importing import pictures
    from reward_engine.features import FeatureExtractor, network
    from reward_engine.features.statistics import detail, image_statistics
    from reward_engine.features.statistics.picture import Picture
    from reward_engine.judges.base import MediaInput
    from reward_engine.media import decode_image

    with tempfile.TemporaryDirectory() as name:
        paths = sorted(pictures(Path(name) / "all", options.images, options.side, 1).glob("*.jpg"))
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        with threadpool_limits(1):
            pixels = [decode_image(path) for path in paths[:16]]
            inputs = np.stack([network.network_input(one) for one in pixels])
            layers = network._network()
            print(f"device: {network._model()[1]}")

            def by_layers() -> list[np.ndarray]:
                with torch.inference_mode():
                    batch = torch.from_numpy(inputs).permute(0, 3, 1, 2).to(torch.float32).sub_(127.0).div_(128.0)
                    batch = batch.contiguous(memory_format=torch.channels_last)
                    features = layers.extract_features(batch).mean(dim=(2, 3))
                    return [features.numpy(), layers._fc(features).softmax(dim=1).numpy()]

            def former_median(luma: detail.Luma) -> detail.Luma:
                return np.asarray(ndimage.median_filter(luma, size=3, mode="nearest"))

            planes = [Picture.of(one).luma[::2, ::2] for one in pixels]
            n = len(pixels)
            cost("decode", n, lambda: [decode_image(path) for path in paths[:n]])
            cost("network's input", n, lambda: [network.network_input(one) for one in pixels])
            for _ in range(2):
                cost("median as it was", n, lambda: [former_median(one) for one in planes])
                cost("median as it is", n, lambda: [detail.median_of_nine(one) for one in planes])
                with patch.object(detail, "median_of_nine", former_median):
                    cost("statistics as it was", n, lambda: [image_statistics(one) for one in pixels])
                cost("statistics as it is", n, lambda: [image_statistics(one) for one in pixels])
                cost("network as it was", n, by_layers)
                cost("network as it is", n, lambda: network.run_network(inputs))
            both = zip(by_layers(), network.run_network(inputs), strict=True)
            features, probabilities = (float(np.abs(was - now).max()) for was, now in both)
            print(f"largest difference: {features:.1g} in a feature, {probabilities:.1g} in a class's probability")
        torch.set_num_threads(threads)
        items = [MediaInput(str(i), "image", path, "Soft shapes") for i, path in enumerate(paths)]
        extractor = FeatureExtractor("image")
        extractor.extract(items[:16])
        start, core = time.perf_counter(), time.process_time()
        extractor.extract(items)
        clock, busy = time.perf_counter() - start, time.process_time() - core
        print(f"whole: {len(items) / clock:.1f} images/s, {1000 * busy / len(items):.1f} ms of a core each")


def cost(what: str, pictures: int, work: Callable[[], object]) -> None:
    work()
    best = min(_once(work) for _ in range(3))
    print(f"{what:20} {1000 * best / pictures:7.1f} ms of a core", flush=True)


def _once(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    main()
