"""QR codes drawn into a page."""

from __future__ import annotations

import io

from markupsafe import Markup


def drawn(content: str, scale: int = 4) -> Markup:
    """The content as an SVG element; scale: pixels a square."""
    import segno  # here: few pages need it, and not often

    octets = io.BytesIO()
    segno.make(content, micro=False).save(
        octets, kind="svg", xmldecl=False, svgns=True, scale=scale, border=2
    )
    return Markup(octets.getvalue().decode())
