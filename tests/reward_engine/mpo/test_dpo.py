"""The Diffusion-DPO loss and the forward processes against slow, obvious float64 references."""

import math

import pytest
import torch
from diffusers import DDPMScheduler, FlowMatchEulerDiscreteScheduler

from reward_engine.errors import TrainingError
from reward_engine.mpo.dpo import diffusion_dpo_loss
from reward_engine.mpo.noise import ForwardProcess


def six(seed: int = 0, shape: tuple[int, ...] = (3, 4, 5, 5)) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(6)]


def by_hand(tensors: list[torch.Tensor], beta: float) -> float:
    """The same in plain Python: one pair, one number at a time."""
    policy_w, policy_l, ref_w, ref_l, target_w, target_l = (t.flatten(1).tolist() for t in tensors)

    def mse(a: list[float], b: list[float]) -> float:
        return sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) / len(a)

    losses = []
    for i in range(len(policy_w)):
        winner = mse(policy_w[i], target_w[i]) - mse(ref_w[i], target_w[i])
        loser = mse(policy_l[i], target_l[i]) - mse(ref_l[i], target_l[i])
        losses.append(math.log(1 + math.exp(beta / 2 * (winner - loser))))
    return sum(losses) / len(losses)


@pytest.mark.parametrize("beta", [0.5, 5.0, 40.0])
def test_the_loss_is_the_papers(beta: float) -> None:
    tensors = six()
    assert diffusion_dpo_loss(*tensors, beta=beta).loss.item() == pytest.approx(by_hand(tensors, beta), rel=1e-5)


def test_a_policy_that_is_the_reference_has_loss_log_two_and_no_preference() -> None:
    policy_w, policy_l, _, _, target_w, target_l = six()
    found = diffusion_dpo_loss(policy_w, policy_l, policy_w, policy_l, target_w, target_l, beta=100.0)
    assert found.loss.item() == pytest.approx(math.log(2))
    assert found.accuracy.item() == 0.5
    assert found.margin.item() == 0


def test_denoising_the_winner_better_lowers_the_loss_and_the_gradient_knows() -> None:
    _, policy_l, ref_w, _, target_w, target_l = six()
    policy_w = ref_w.clone().requires_grad_()
    found = diffusion_dpo_loss(policy_w, policy_l, ref_w, policy_l, target_w, target_l, beta=10.0)
    found.loss.backward()
    better = (policy_w - 0.1 * policy_w.grad * 100).detach()
    after = diffusion_dpo_loss(better, policy_l, ref_w, policy_l, target_w, target_l, beta=10.0)
    assert after.loss < found.loss
    assert after.accuracy.item() == 1.0
    assert after.winner_error < found.winner_error


def test_no_gradient_flows_into_the_reference() -> None:
    tensors = [t.requires_grad_() for t in six()]
    diffusion_dpo_loss(*tensors, beta=1.0).loss.backward()
    assert tensors[2].grad is None
    assert tensors[3].grad is None
    assert tensors[0].grad is not None


def test_swapping_winner_and_loser_turns_the_margin_round() -> None:
    a, b, c, d, e, f = six()
    forth = diffusion_dpo_loss(a, b, c, d, e, f, beta=3.0)
    back = diffusion_dpo_loss(b, a, d, c, f, e, beta=3.0)
    assert forth.margin.item() == pytest.approx(-back.margin.item())


def test_bad_arguments_are_named() -> None:
    tensors = six()
    with pytest.raises(ValueError, match="beta"):
        diffusion_dpo_loss(*tensors, beta=0.0)
    with pytest.raises(ValueError, match="one shape"):
        diffusion_dpo_loss(*tensors[:5], tensors[5][:, :2], beta=1.0)


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_noised_latents_are_the_schedulers_own(prediction: str) -> None:
    scheduler = DDPMScheduler(num_train_timesteps=50, prediction_type=prediction)
    process = ForwardProcess.from_scheduler(scheduler)
    clean, noise = six()[0].float(), six(1)[0].float()
    steps = torch.tensor([0, 17, 49])
    assert torch.allclose(process.add_noise(clean, noise, steps), scheduler.add_noise(clean, noise, steps), atol=1e-6)
    expected = noise if prediction == "epsilon" else scheduler.get_velocity(clean, noise, steps)
    assert torch.allclose(process.target(clean, noise, steps), expected, atol=1e-6)


def test_flow_matching_is_a_straight_line_whose_slope_is_the_target() -> None:
    scheduler = FlowMatchEulerDiscreteScheduler(num_train_timesteps=100, shift=3.0)
    process = ForwardProcess.from_scheduler(scheduler)
    assert len(process) == 100
    clean, noise = six()[0], six(1)[0]
    steps = torch.tensor([0, 40, 99])
    sigma = process.noise[steps].double().view(-1, 1, 1, 1)
    assert torch.allclose(process.add_noise(clean, noise, steps), clean + sigma * (noise - clean), atol=1e-6)
    assert torch.equal(process.target(clean, noise, steps), noise - clean)
    assert process.noise[-1].item() == pytest.approx(1.0)
    assert torch.allclose(process.timesteps, process.noise * 100)
    assert torch.all(process.noise.diff() > 0)


def test_a_prediction_type_nobody_trains_is_refused_by_name() -> None:
    with pytest.raises(TrainingError, match="'sample'"):
        ForwardProcess.from_scheduler(DDPMScheduler(prediction_type="sample"))
