"""The loss of a batch, on tiny random networks in float64, against one written out by hand; and its gradient."""

import copy
import math

import numpy as np
import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler

from reward_engine.mpo import policies
from reward_engine.mpo.training.objective import Batch, pair_loss
from tests.reward_engine.mpo import tiny

BETA = 700.0
PROMPTS = ["a red disc", "the dark square left", "a blue disc top"]
FAMILIES = {
    "epsilon": tiny.stable_diffusion,
    "v_prediction": lambda: tiny.stable_diffusion("v_prediction"),
    "flow": tiny.stable_diffusion_3,
    "video": tiny.cogvideox,
}


@pytest.fixture(params=list(FAMILIES))
def case(request):
    """(target, policy with an adapter that does something, the same network without one, a batch), all float64."""
    policy = policies.wrap(FAMILIES[request.param]())
    for part in policy.pipeline.components.values():
        if isinstance(part, torch.nn.Module):
            part.double()
    plain = policies.wrap(copy.deepcopy(policy.pipeline))
    generator = torch.Generator().manual_seed(0)
    for _, parameter in policy.attach_lora(rank=2, seed=0):
        parameter.data += 0.05 * torch.randn(parameter.shape, generator=generator)
        parameter.data = parameter.data.double()
    shape = (3, 2, 4, 4, 4) if request.param == "video" else (3, 4, 8, 8)
    winner, loser, noise = (torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(3))
    batch = Batch(winner, loser, policy.encode_prompts(PROMPTS), noise, torch.tensor([3, 500, 998]))
    return request.param, policy, plain, batch


def noised_and_target(name: str, policy, clean: np.ndarray, noise: np.ndarray, step: int):
    """x_t, what to predict, and what the network is told of the step: straight from the papers."""
    scheduler = policy.pipeline.scheduler
    if name == "flow":
        assert isinstance(scheduler, FlowMatchEulerDiscreteScheduler)
        linear = (step + 1) / 1000
        sigma = 3 * linear / (1 + 2 * linear)  # the tiny pipeline's shift is 3
        return (1 - sigma) * clean + sigma * noise, noise - clean, 1000 * sigma
    cumulative = float(scheduler.alphas_cumprod[step])
    noisy = math.sqrt(cumulative) * clean + math.sqrt(1 - cumulative) * noise
    if scheduler.config.prediction_type == "epsilon":
        return noisy, noise, float(step)
    return noisy, math.sqrt(cumulative) * noise - math.sqrt(1 - cumulative) * clean, float(step)


def by_hand(name: str, policy, plain, batch: Batch) -> float:
    """One pair, one side, one model at a time."""
    losses = []
    for index, step in enumerate(batch.steps.tolist()):
        improvement = []
        for side in (batch.winner, batch.loser):
            noisy, target, told = noised_and_target(name, plain, side[index].numpy(), batch.noise[index].numpy(), step)
            conditioning = {key: value[index : index + 1] for key, value in batch.conditioning.items()}
            errors = []
            for model in (policy, plain):
                with torch.no_grad():
                    found = model.predict(torch.from_numpy(noisy)[None], torch.tensor([told]), conditioning)
                errors.append(float(np.mean((found[0].numpy() - target) ** 2)))
            improvement.append(errors[0] - errors[1])
        losses.append(math.log1p(math.exp(0.5 * BETA * (improvement[0] - improvement[1]))))
    return sum(losses) / len(losses)


def test_the_loss_is_the_one_written_out_by_hand(case):
    name, policy, plain, batch = case
    found = pair_loss(policy, batch, beta=BETA)
    assert found.loss.dtype == torch.float64
    # The network's timestep embedding is float32 inside; a flow's sigmas are as well.
    assert found.loss.item() == pytest.approx(by_hand(name, policy, plain, batch), rel=1e-4 if name == "flow" else 1e-9)
    assert abs(found.loss.item() - math.log(2)) > 1e-3  # the adapter does make a difference


def test_the_gradient_is_that_of_the_loss(case):
    name, policy, plain, batch = case
    named = [(n, p) for n, p in policy.denoiser.named_parameters() if p.requires_grad]
    pair_loss(policy, batch, beta=BETA).loss.backward()
    generator = torch.Generator().manual_seed(1)
    directions = [torch.randn(p.shape, generator=generator, dtype=torch.float64) for _, p in named]
    slope = sum(float((p.grad * d).sum()) for (_, p), d in zip(named, directions, strict=True) if p.grad is not None)

    def moved(by: float) -> float:
        for (_, parameter), direction in zip(named, directions, strict=True):
            parameter.data += by * direction
        return by_hand(name, policy, plain, batch)

    step = 1e-5
    up, down = moved(step), moved(-2 * step)
    assert slope == pytest.approx((up - down) / (2 * step), rel=1e-3)


def test_winner_and_loser_are_seen_through_the_same_noise(case):
    """Were it not so, two equal media would not tie."""
    _, policy, _, batch = case
    same = Batch(batch.winner, batch.winner, batch.conditioning, batch.noise, batch.steps)
    found = pair_loss(policy, same, beta=BETA)
    assert found.margin.item() == pytest.approx(0, abs=1e-9)
    assert found.loss.item() == pytest.approx(math.log(2), abs=1e-9)


def test_half_precision_passes_still_give_a_float32_loss(case):
    _, policy, _, batch = case
    for part in policy.pipeline.components.values():
        if isinstance(part, torch.nn.Module):
            part.bfloat16()
    for parameter in policy.denoiser.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    low = Batch(
        batch.winner.float(), batch.loser.float(), policy.encode_prompts(PROMPTS), batch.noise.float(), batch.steps
    )
    found = pair_loss(policy, low, beta=BETA, autocast=torch.bfloat16)
    found.loss.backward()
    assert found.loss.dtype == torch.float32
    gradients = [p.grad for p in policy.denoiser.parameters() if p.requires_grad and p.grad is not None]
    assert gradients
    assert all(gradient.dtype == torch.float32 and gradient.isfinite().all() for gradient in gradients)
