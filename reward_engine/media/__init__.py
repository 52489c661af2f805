"""Reading media: verified images, exactly the video frames that are asked for, decoding ahead in threads."""

from reward_engine.media.ahead import decode_ahead
from reward_engine.media.images import MAX_IMAGE_PIXELS, ImageInfo, decode_image, probe_image
from reward_engine.media.probe import VideoInfo, probe_video
from reward_engine.media.sampling import AllFrames, Bursts, EverySecond, Sampler, Together, Uniform, Window
from reward_engine.media.video import Frames, sample_frames

__all__ = [
    "MAX_IMAGE_PIXELS",
    "AllFrames",
    "Bursts",
    "EverySecond",
    "Frames",
    "ImageInfo",
    "Sampler",
    "Together",
    "Uniform",
    "VideoInfo",
    "Window",
    "decode_ahead",
    "decode_image",
    "probe_image",
    "probe_video",
    "sample_frames",
]
