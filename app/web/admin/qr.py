"""QR codes drawn into a page."""

from __future__ import annotations

import io

from markupsafe import Markup


def drawn(content: str) -> Markup:
    """The content as an SVG element, as large as the style sheet says."""
    import segno  # here: few pages need it, and not often

    octets = io.BytesIO()
    segno.make(content, micro=False).save(
        octets, kind="svg", xmldecl=False, svgns=True, border=2, omitsize=True
    )
    return Markup(octets.getvalue().decode())
