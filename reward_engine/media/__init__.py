"""Reading media: verified images, exactly the video frames that are asked for, decoding ahead in threads."""

from reward_engine.media.bitrate import bitrates
from reward_engine.media.images import MAX_IMAGE_PIXELS, ImageInfo, decode_image, probe_image
from reward_engine.media.prefetch import decode_ahead
from reward_engine.media.probe import VideoInfo, probe_video
from reward_engine.media.sampling import AllFrames, Bursts, EverySecond, Sampler, Together, Uniform, Window
from reward_engine.media.video import Frames, frame_times, sample_frames
from reward_engine.media.view import VideoNeeds, video_needs, write_image_view, write_video_view

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
    "VideoNeeds",
    "Window",
    "bitrates",
    "decode_ahead",
    "decode_image",
    "frame_times",
    "probe_image",
    "probe_video",
    "sample_frames",
    "video_needs",
    "write_image_view",
    "write_video_view",
]
