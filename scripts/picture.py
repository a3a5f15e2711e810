"""Draws lines of a terminal as SVG."""

from pathlib import Path
from xml.sax.saxutils import escape

LINE, CHARACTER, MARGIN = 18, 8, 16


def draw(name, title, columns, lines):
    """Writes docs/NAME. `lines` are pairs of a style (prompt, failed, text) and a text of at most `columns` characters."""
    width, height = columns * CHARACTER + 2 * MARGIN, len(lines) * LINE + 2 * MARGIN
    rows = [
        f'<text x="{MARGIN}" y="{MARGIN + (number + 1) * LINE - 5}" class="{style}">{escape(text)}</text>'
        for number, (style, text) in enumerate(lines)
    ]
    picture = f"""<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img">
<title>{escape(title)}</title>
<style>
text {{ font: 13px ui-monospace, Menlo, Consolas, monospace; fill: #d6deeb; white-space: pre }}
.prompt {{ fill: #7fdbca }} .failed {{ fill: #ecc48d }}
</style>
<rect width="100%" height="100%" rx="8" fill="#011627"/>
{chr(10).join(rows)}
</svg>
"""
    path = Path(__file__).resolve().parent.parent / "docs" / name
    path.write_text(picture)
    print(f"{path.name}: {len(picture)} bytes, {len(lines)} lines")
