"""Ψ, the skeletal proxy: the same mannequins at the edge, in the cloud, in the sim (NumPy only).

`primitives` is the definition (ported to TypeScript in ``web/src/proxy/psi.ts``); `draw` and
`compose` make the anonymous frame Ĩ_t, plate + proxies in occlusion order.
"""

from mizaru.proxy.psi import Part, Primitive, Shape, primitives, slots
from mizaru.proxy.raster import PALETTE, UNKNOWN_RGB, VISOR_RGB, compose, draw

__all__ = [
    "PALETTE",
    "UNKNOWN_RGB",
    "VISOR_RGB",
    "Part",
    "Primitive",
    "Shape",
    "compose",
    "draw",
    "primitives",
    "slots",
]
