"""Each family calls its network as its own pipeline does, and its adapter is off, on, saved and loaded as it should."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline
from PIL import Image
from safetensors.torch import load_file, save_file

from reward_engine.errors import DataError, RewardEngineError, TrainingError
from reward_engine.mpo import policies
from reward_engine.mpo.media import Size
from reward_engine.mpo.policies import folder as folders
from tests.reward_engine.mpo import tiny

PROMPTS = ["a red disc", "the dark square left"]
FAMILIES = {
    "sd": (tiny.stable_diffusion, {}),
    "sdxl": (tiny.stable_diffusion_xl, {}),
    "sd3": (tiny.stable_diffusion_3, {}),
    "flux": (tiny.flux, {}),
    "flux-schnell": (lambda: tiny.flux(guidance=False), {}),
    "cogvideox": (tiny.cogvideox, {"num_frames": 9}),
    "cogvideox-2b": (lambda: tiny.cogvideox(rotary=False), {"num_frames": 9}),
    "cogvideox-1.5": (lambda: tiny.cogvideox(patch_size_t=2), {"num_frames": 9}),
}


@pytest.fixture(params=list(FAMILIES))
def case(request):
    make, options = FAMILIES[request.param]
    return policies.wrap(make()), options


def test_the_network_is_asked_what_the_pipeline_asks(case):
    policy, options = case
    side = 32 if options else 16
    asked = {}

    def watch(_module, args, kwargs, output):
        latents = args[0] if args else kwargs["hidden_states"]
        timestep = args[1] if len(args) > 1 else kwargs["timestep"]
        asked.setdefault("first", (latents, timestep, output[0]))

    hook = policy.denoiser.register_forward_hook(watch, with_kwargs=True)
    guidance = policy.guidance if "Flux" in type(policy).__name__ else 1.0
    policy.generate(PROMPTS, [1, 2], num_inference_steps=2, height=side, width=side, guidance_scale=guidance, **options)
    hook.remove()
    latents, timestep, expected = asked["first"]
    if "Flux" in type(policy).__name__:
        unpack = policy.pipeline._unpack_latents
        latents = unpack(latents, side, side, policy.pipeline.vae_scale_factor)
        expected = unpack(expected, side, side, policy.pipeline.vae_scale_factor)
        timestep = timestep * 1000
    timesteps = torch.full((2,), float(timestep.flatten()[0]))
    with torch.no_grad():
        found = policy.predict(latents, timesteps, policy.encode_prompts(PROMPTS))
    assert found.shape == latents.shape
    assert torch.allclose(found, expected, atol=1e-5)


def test_latents_are_what_the_pipeline_would_decode(case):
    policy, options = case
    rng = np.random.default_rng(0)
    pipeline = policy.pipeline
    if options:
        pixels = rng.integers(0, 256, (1, 9, 32, 32, 3), dtype=np.uint8)
        latents = policy.encode_media(pixels)
        video = torch.from_numpy(pixels).permute(0, 4, 1, 2, 3) / 127.5 - 1
        expected = pipeline.vae.encode(video).latent_dist.mode().permute(0, 2, 1, 3, 4)
        undone = latents / pipeline.vae.config.scaling_factor
        assert latents.shape[1] % (policy.denoiser.config.patch_size_t or 1) == 0
        undone = undone[:, undone.shape[1] - expected.shape[1] :]  # as the pipeline drops frames put in front
        with pytest.raises(DataError, match="8 frames"):
            policy.encode_media(pixels[:, :8])
    else:
        pixels = rng.integers(0, 256, (2, 16, 16, 3), dtype=np.uint8)
        latents = policy.encode_media(pixels)
        pictures = pipeline.image_processor.preprocess([Image.fromarray(picture) for picture in pixels])
        expected = pipeline.vae.encode(pictures).latent_dist.mode()
        config = pipeline.vae.config
        undone = latents / config.scaling_factor + (config.shift_factor or 0)
    assert torch.allclose(undone, expected, atol=1e-5)


def test_an_adapter_is_off_for_the_reference_and_travels_by_file(case, tmp_path):
    policy, options = case
    torch.manual_seed(0)
    conditioning = policy.encode_prompts(PROMPTS)
    channels = policy.denoiser.config.in_channels // (4 if "Flux" in type(policy).__name__ else 1)
    shape = (2, 2, 4, 4, 4) if options else (2, channels, 8, 8)
    noisy, timesteps = torch.randn(shape), torch.tensor([300.0, 300.0])

    def predict():
        with torch.no_grad():
            return policy.predict(noisy, timesteps, conditioning)

    start = predict()
    parameters = policy.attach_lora(rank=2, alpha=6, seed=0)
    assert torch.equal(predict(), start)  # a fresh adapter changes nothing
    with torch.no_grad():
        for _, parameter in parameters:
            parameter.add_(torch.randn_like(parameter) * 0.3)
    tuned = predict()
    assert not torch.allclose(tuned, start, atol=1e-3)
    with policy.reference():
        assert torch.equal(predict(), start)
    assert torch.equal(predict(), tuned)
    assert all(parameter.requires_grad for _, parameter in parameters)

    file = policy.save_lora(tmp_path)
    policy.remove_lora()
    assert torch.equal(predict(), start)
    policy.pipeline.load_lora_weights(tmp_path)  # diffusers' own reading of it
    assert torch.allclose(predict(), tuned, atol=1e-6)
    assert policies.check_lora(tmp_path) == file


def test_gradients_reach_the_adapter_alone_and_checkpointing_does_not_change_them(case):
    policy, options = case
    parameters = policy.attach_lora(rank=2, seed=0)
    with torch.no_grad():
        for _, parameter in parameters:
            parameter.add_(0.1)
    conditioning = policy.encode_prompts(PROMPTS)
    channels = policy.denoiser.config.in_channels // (4 if "Flux" in type(policy).__name__ else 1)
    noisy = torch.randn((2, 2, 4, 4, 4) if options else (2, channels, 8, 8))
    found = []
    for checkpointing in (False, True):
        if checkpointing:
            policy.denoiser.enable_gradient_checkpointing()
        policy.predict(noisy, torch.tensor([300.0, 500.0]), conditioning).square().mean().backward()
        found.append([parameter.grad.clone() for _, parameter in parameters])
        policy.denoiser.zero_grad()
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(*found, strict=True))
    assert any(gradient.abs().max() > 0 for gradient in found[0])
    named = {id(parameter) for _, parameter in parameters}
    assert all(p.grad is None for p in policy.denoiser.parameters() if id(p) not in named)


@pytest.fixture(scope="module")
def stored(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("pipelines") / "sd"
    tiny.stable_diffusion().save_pretrained(folder)
    return folder


def copy(stored: Path, to: Path) -> Path:
    for path in stored.rglob("*"):
        if path.is_file():
            (to / path.relative_to(stored)).parent.mkdir(parents=True, exist_ok=True)
            (to / path.relative_to(stored)).write_bytes(path.read_bytes())
    return to


def test_a_folder_is_loaded_and_distinguished_from_others(stored, tmp_path):
    policy = policies.load_policy(stored)
    assert isinstance(policy, policies.POLICIES["StableDiffusionPipeline"])
    assert policy.native_size == Size(16, 16)
    unet = DiffusionPipeline.from_pretrained(stored).unet
    assert folders.parameter_count(stored / "unet") == sum(p.numel() for p in unet.parameters())
    other = copy(stored, tmp_path / "other")
    assert folders.fingerprint(other) == folders.fingerprint(stored)
    weights = other / "unet" / "diffusion_pytorch_model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert folders.fingerprint(other) != folders.fingerprint(stored)


def test_a_lora_given_belongs_to_the_reference(stored, tmp_path):
    policy = policies.load_policy(stored)
    for _, parameter in policy.attach_lora(rank=2, seed=0):
        parameter.data.add_(0.2)
    policy.save_lora(tmp_path)
    noisy, timesteps = torch.randn(2, 4, 8, 8), torch.tensor([300.0, 300.0])
    with torch.no_grad():
        tuned = policy.predict(noisy, timesteps, policy.encode_prompts(PROMPTS))
        again = policies.load_policy(stored, lora=tmp_path)
        again.attach_lora(rank=2)
        with again.reference():
            assert torch.allclose(again.predict(noisy, timesteps, again.encode_prompts(PROMPTS)), tuned, atol=1e-5)


def break_index(folder):
    (folder / "model_index.json").unlink()


def break_json(folder):
    (folder / "model_index.json").write_text("{")


def other_family(folder):
    index = folder / "model_index.json"
    index.write_text(json.dumps(json.loads(index.read_text()) | {"_class_name": "KandinskyPipeline"}))


def lose_part(folder):
    (folder / "vae").rename(folder / "elsewhere")


def pickled(folder):
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_name("diffusion_pytorch_model.bin"))


def cut(folder):
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:2000])


def without_tensors(part):
    """A pipeline whose part has lost six tensors, which nobody must make up."""

    def damage(folder):
        weights = next((folder / part).glob("*.safetensors"))
        tensors = load_file(weights)
        for name in sorted(tensors)[3:9]:
            del tensors[name]
        save_file(tensors, weights, metadata={"format": "pt"})

    return damage


def cut_encoder(folder):
    weights = folder / "text_encoder" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:2000])


@pytest.mark.parametrize(
    ("damage", "code", "words"),
    [
        *(
            (without_tensors(part), "damaged_pipeline", f"6 tensors of “{part}”")
            for part in ("unet", "vae", "text_encoder")
        ),
        (cut_encoder, "damaged_pipeline", "could not be loaded"),
        (break_index, "no_pipeline", "model_index.json"),
        (break_json, "no_pipeline", "cannot be read"),
        (other_family, "unknown_family", "KandinskyPipeline"),
        (lose_part, "incomplete_pipeline", "vae"),
        (pickled, "pickled_pipeline", "safe_serialization"),
        (cut, "damaged_pipeline", "could not be loaded"),
    ],
)
def test_a_folder_that_is_no_pipeline_is_refused_in_words(stored, tmp_path, damage, code, words):
    folder = copy(stored, tmp_path / "broken")
    damage(folder)
    with pytest.raises(TrainingError, match=words) as caught:
        policies.load_policy(folder)
    assert caught.value.code == code


def test_neither_a_folder_nor_a_known_id(tmp_path):
    with pytest.raises(TrainingError, match="no hub id"):
        policies.load_policy(tmp_path / "nothing")
    with pytest.raises(TrainingError, match="hub"):  # the hub is out of reach in tests
        policies.load_policy("nobody/nothing")
    with pytest.raises(RewardEngineError, match="no LoRA"):
        policies.check_lora(tmp_path)
    with pytest.raises(TrainingError, match="cannot be trained"):
        policies.wrap(object())
