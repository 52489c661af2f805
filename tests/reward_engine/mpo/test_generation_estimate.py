"""What generating will take, against what the same networks really do; and what is refused before a weight is read."""

import pytest
import torch
from safetensors.torch import save_file
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from reward_engine.errors import DataError, TrainingError
from reward_engine.mpo import policies
from reward_engine.mpo.generation import Sampling
from reward_engine.mpo.generation_estimate import estimate_generation
from reward_engine.mpo.media import Size
from reward_engine.mpo.needs import CONTEXT_BYTES
from tests.reward_engine.mpo import tiny

MAKE = {
    "sd": (tiny.stable_diffusion, Size(16, 32), 5.0),
    "sd3": (tiny.stable_diffusion_3, Size(16, 16), 1.0),
    "flux": (tiny.flux, Size(16, 16), 3.5),
    "cogvideox": (tiny.cogvideox, Size(32, 32, 9), 6.0),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    made = {}

    def folder(name):
        if name not in made:
            made[name] = tmp_path_factory.mktemp(name)
            MAKE[name][0]().save_pretrained(made[name])
        return made[name]

    return folder


@pytest.mark.parametrize("name", list(MAKE))
def test_what_is_counted_is_what_happens(folders, name):
    _, size, guidance = MAKE[name]
    sampling = Sampling(4, guidance, size)
    found = estimate_generation(folders(name), sampling, dtype=torch.float32)
    policy = policies.load_policy(folders(name))
    # The counter does not know the CPU's fused attention.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        policy.generate(["a"], [1], **sampling.options(policy))
    # The text encoders, run once, are left out; beside these tiny denoisers they are not nothing.
    assert 0.8 < found.flops_per_item / counter.get_total_flops() <= 1.0
    assert (found.media_type, found.size) == (policy.media_type, size)
    assert found.seconds(10, 1e12) == pytest.approx(10 * found.flops_per_item / 0.4e12)


def test_memory_grows_with_size_and_guidance_and_tells_the_batch(folders):
    def item_bytes(guidance, *size):
        return estimate_generation(folders("sd"), Sampling(2, guidance, Size(*size))).item_bytes

    found = estimate_generation(folders("sd"), Sampling(2, 1.0, Size(16, 16)))
    assert item_bytes(1.0, 32, 32) > 3 * found.item_bytes
    assert item_bytes(5.0, 16, 16) >= found.item_bytes
    batch = found.largest_batch(CONTEXT_BYTES + 3_000_000)
    assert found.memory_bytes(batch) <= CONTEXT_BYTES + 3_000_000 < found.memory_bytes(batch + 1)
    assert found.largest_batch(CONTEXT_BYTES) == 0


@pytest.mark.parametrize(
    ("name", "sampling", "code"),
    [
        ("sd", Sampling(0), "steps"),
        ("sd", Sampling(30, -1.0), "guidance_scale"),
        ("sd", Sampling(30, 5.0, Size(17, 16)), "width"),
        ("sd", Sampling(30, 5.0, Size(16, 0)), "height"),
        ("sd", Sampling(30, 5.0, Size(16, 16, 9)), "frames"),
        ("sd3", Sampling(28, 7.0, Size(16, 18)), "height"),  # whole latents, but half a patch
        ("sd3", Sampling(28, 7.0, Size(2048, 2048)), "width"),  # more places than it has embeddings for
        ("cogvideox", Sampling(50, 6.0, Size(32, 32, 10)), "frames"),
        ("cogvideox", Sampling(50, 6.0, Size(32, 32)), "frames"),
        ("sd", Sampling(30, 5.0, Size(16, 10**12)), "height"),
        ("cogvideox", Sampling(50, 6.0, Size(32, 32, 10**9 + 1)), "frames"),
    ],
)
def test_options_that_make_no_sense_are_refused_by_name(folders, name, sampling, code):
    with pytest.raises(DataError) as refused:
        estimate_generation(folders(name), sampling)
    assert refused.value.code == code
    if sampling.size == Size(17, 16):
        assert "multiples of 2; a width of 17 is none. The nearest are 16 and 18." in refused.value.message


def test_families_have_their_makers_defaults():
    assert Sampling.for_family("StableDiffusionPipeline") == Sampling(30, 7.5)
    assert Sampling.for_family("CogVideoXPipeline") == Sampling(50, 6.0)


def test_a_lora_must_be_one_and_for_this_model(folders, tmp_path):
    sampling = Sampling(2, 1.0, Size(16, 16))
    policy = policies.load_policy(folders("sd"))
    policy.attach_lora(rank=2)
    own = policy.save_lora(tmp_path / "own")
    estimate_generation(folders("sd"), sampling, lora=own)
    with pytest.raises(TrainingError, match="made for a model with a unet") as refused:
        estimate_generation(folders("sd3"), sampling, lora=own)
    assert refused.value.code == "other_lora"
    wider = tiny.stable_diffusion()
    wider.unet = tiny.unet(32)
    other = policies.wrap(wider)
    other.attach_lora(rank=2)
    with pytest.raises(TrainingError, match="takes 16 inputs, not 32"):
        estimate_generation(folders("sd"), sampling, lora=other.save_lora(tmp_path / "other"))
    plain = tmp_path / "plain.safetensors"
    save_file({"weight": torch.zeros(2, 2)}, plain)
    with pytest.raises(TrainingError, match="holds no LoRA"):
        estimate_generation(folders("sd"), sampling, lora=plain)
