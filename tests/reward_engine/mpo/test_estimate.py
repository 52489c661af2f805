"""Estimates against what the same networks really do."""

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from reward_engine.errors import TrainingError
from reward_engine.mpo import policies
from reward_engine.mpo.estimate import estimate, largest_batch, measured_flops
from reward_engine.mpo.needs import CONTEXT_BYTES
from reward_engine.mpo.training import Settings
from tests.reward_engine.mpo import tiny

FAMILIES = {
    "sd": (tiny.stable_diffusion, {"width": 16, "height": 16}),
    "sdxl": (tiny.stable_diffusion_xl, {"width": 16, "height": 16}),
    "sd3": (tiny.stable_diffusion_3, {"width": 16, "height": 16}),
    "flux": (tiny.flux, {"width": 16, "height": 16}),
    "cogvideox": (tiny.cogvideox, {"width": 32, "height": 32, "frames": 9}),
}


@pytest.fixture(params=list(FAMILIES))
def case(request, tmp_path):
    make, size = FAMILIES[request.param]
    make().save_pretrained(tmp_path)
    return policies.load_policy(tmp_path), tmp_path, size


def test_what_is_counted_is_what_happens(case):
    policy, folder, size = case
    settings = Settings(precision="fp32", gradient_checkpointing=False, batch_size=3, rank=4, alpha=4, **size)
    found = estimate(folder, settings)
    modules = [part for part in policy.pipeline.components.values() if isinstance(part, torch.nn.Module)]
    stored = {value.data_ptr(): value.numel() for module in modules for value in module.state_dict().values()}
    assert found.parameters == sum(stored.values())
    assert found.denoiser_parameters == sum(p.numel() for p in policy.denoiser.parameters())

    adapter = policy.attach_lora(rank=4)
    assert found.adapter_parameters == sum(parameter.numel() for _, parameter in adapter)

    channels = policy.denoiser.config.in_channels // (4 if "Flux" in type(policy).__name__ else 1)
    shape = (1, 3, 4, 4, 4) if "frames" in size else (1, channels, 8, 8)
    assert found.latent_bytes == 4 * torch.Size(shape).numel()
    conditioning = policy.encode_prompts(["a"])
    weights = {parameter.untyped_storage().data_ptr() for parameter in policy.denoiser.parameters()}
    kept = {}

    def pack(tensor):
        if tensor.untyped_storage().data_ptr() not in weights:
            kept[tensor.untyped_storage().data_ptr()] = (tensor, tensor.untyped_storage().nbytes())
        return tensor

    latents = torch.randn(shape, requires_grad=True)
    hooks = torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor)
    with hooks:
        policy.predict(latents, torch.tensor([300.0]), conditioning)
    # The counter does not know the CPU's fused attention.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        policy.predict(latents, torch.tensor([300.0]), conditioning)
    assert found.flops_per_pair == pytest.approx(2 * 3 * counter.get_total_flops(), rel=0.02)
    real = sum(size for _, size in kept.values())
    assert found.activation_bytes / (2 * 3) == pytest.approx(real, rel=0.25)


def test_what_the_choices_cost(tmp_path):
    make, size = FAMILIES["sd"]
    folder = tmp_path
    make().save_pretrained(folder)
    base = estimate(folder, Settings(precision="fp32", gradient_checkpointing=False, **size))
    half = estimate(folder, Settings(precision="bf16", gradient_checkpointing=False, **size))
    assert half.weight_bytes * 2 == base.weight_bytes
    assert half.activation_bytes < 0.9 * base.activation_bytes
    assert half.adapter_bytes == base.adapter_bytes
    checked = estimate(folder, Settings(precision="fp32", gradient_checkpointing=True, **size))
    assert checked.flops_per_pair == pytest.approx(base.flops_per_pair * 4 / 3)
    settings = Settings(precision="fp32", steps=10, pairs_per_step=6, **size)
    assert base.seconds(settings, 1e12) == pytest.approx(60 * base.flops_per_pair / 0.4e12)
    assert base.seconds(settings, 1e12, devices=2) == pytest.approx(base.seconds(settings, 1e12) / 2)


def test_the_largest_batch_fits_and_one_more_does_not(tmp_path):
    tiny.stable_diffusion().save_pretrained(tmp_path)
    settings = Settings(width=16, height=16)
    memory = CONTEXT_BYTES + 3_000_000
    size = largest_batch(tmp_path, settings, memory)
    assert size > 1
    for batch, fits in ((size, True), (size + 1, False)):
        found = estimate(tmp_path, Settings(width=16, height=16, batch_size=batch))
        assert (found.memory_bytes <= memory) is fits
    assert largest_batch(tmp_path, settings, CONTEXT_BYTES) == 0


def test_speed_is_measured_and_no_pipeline_is_said_to_be_none(tmp_path):
    assert measured_flops(torch.device("cpu"), torch.float32, side=128) > 1e7
    with pytest.raises(TrainingError, match="model_index"):
        estimate(tmp_path, Settings())
