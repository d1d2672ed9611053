"""What kind of device a viewing export's device text names: `TCL TV 2018 UHD Android TV Smart TV` is a tv."""

import re
from functools import lru_cache
from typing import Final

from streams.clients.text import plain

# The first that matches decides, so the order settles what several words say at once: a browser on a tablet is a
# tablet, `Android TV` is a tv, `Windows Mobile` in the browser player (Cadmium) is a computer.
_RULES: Final = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        ("other", r"\b(oculus|quest|vr|vision pro|hololens|car|tesla|automotive|echo show|watch)\b"),
        ("console", r"playstation|\bps[345p]\b|\bps ?vita|xbox|\bwii\b|nintendo|steam deck"),
        (
            "tv",
            r"tv|chromecast|\bcast\b|streaming (stick|player|media)|\bstick\b|set.?top|\bstb\b|stb$|legacystb|\broku\b"
            r"|\baft[a-z]{1,3}\b|bravia|webos|tizen|vizio|blu.?ray|\bbd.?player|home.?theat|projector|beamer|\bdongle\b"
            r"|\bmi box\b|\bnvidia shield\b|\bportal\b|media player|\bdecoder\b|\bdecodeur\b|freebox|\bdvr\b|soundbar",
        ),
        ("tablet", r"ipad|tablet|kindle|fire hd|\bgalaxy tab|\bsm-[tpx]\d|\bnexus (7|9|10)\b|mediapad|matepad|\bpad\b"),
        ("phone", r"iphone|ipod|windows phone|\bblackberry\b"),
        (
            "web",
            r"cadmium|html ?5|silverlight|browser|chrome|firefox|safari|\bedge\b|opera|internet explorer|\bmsie\b"
            r"|\bpc\b|\bmac\b|macos|macintosh|laptop|desktop|windows|linux|chromium|netflix app for win",
        ),
        (
            "phone",
            r"phone|android|mobile|\bpixel\b|galaxy|\bsm-[a-z]\d|redmi|\bpoco\b|oneplus|huawei|honor|xiaomi|oppo|vivo"
            r"|realme|motorola|\bmoto\b|nokia|\bios\b",
        ),
        ("tv", r"\b(samsung|lg|sony|philips|panasonic|sharp|toshiba|hisense|tcl|vestel|skyworth|changhong|funai)\b"),
    )
)


@lru_cache(maxsize=4_096)
def classify(text: str) -> str:
    """`tv`, `phone`, `tablet`, `web`, `console`, or `other` where the text says none of them."""
    words = plain(text)
    return next((kind for kind, pattern in _RULES if pattern.search(words)), "other")
