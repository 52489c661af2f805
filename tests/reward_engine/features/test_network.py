"""The network of pictures: how many threads it takes beside other work."""

import numpy as np
import torch

from reward_engine.features import network


def test_fewer_threads_are_taken_for_the_passes_only(monkeypatch):
    seen, run = [], network._run
    monkeypatch.setattr(network, "_run", lambda *given: (seen.append(torch.get_num_threads()), run(*given))[1])
    pictures = np.random.default_rng(0).integers(0, 256, (2, network.SIDE, network.SIDE, 3), dtype=np.uint8)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        one, _ = network.run_network(pictures, threads=1)
        many, _ = network.run_network(pictures, threads=8)
        assert seen == [1, 3]
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    np.testing.assert_allclose(one, many, rtol=1e-4, atol=1e-5)
