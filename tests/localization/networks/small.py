"""Settings that make every network small enough to be tested, by its name."""

from typing import Any

SMALL: dict[str, dict[str, Any]] = {
    "half-unet": {"widths": (4, 6, 8), "unshuffle": 2},
    "hrnet": {"width": 4, "stem_width": 8, "head_width": 8, "bottlenecks": 1, "modules": (1, 1, 1), "blocks": 1},
    "u-csrnet": {"width": 8},
    "unet": {"width": 4, "levels": 3},
    "mpvit": {"widths": (8, 12), "layers": (1, 1), "paths": (2, 1), "heads": 2, "head_width": 8},
    "swin": {"width": 8, "layers": (2, 2), "heads": (1, 2), "window": 4, "head_width": 8},
    "transunet": {
        "stem_width": 4,
        "stem_blocks": (1, 1, 1),
        "width": 12,
        "layers": 1,
        "heads": 2,
        "positions": 3,
        "bridge": 8,
        "decoder": (8, 8, 4, 4),
    },
    "attention-unet": {"width": 4, "levels": 3},
    "hovernet": {"width": 8, "units": (1, 2, 1, 1), "kernel_px": 3},
    "lite-unet": {"width": 4, "levels": 3},
    "unext": {"widths": (4, 5, 6, 8, 10)},
    "vgg16": {"width": 4, "head_width": 8},
}
