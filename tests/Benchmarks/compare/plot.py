#!/usr/bin/env python3
"""Draws what curves.py measured, a file a curve: plot.py curves.json docs/plots

Both axes are logarithmic: a flat line is a cost that does not grow, and one along the dotted lines grows in proportion. The colours can be
told apart on light and on dark pages; beside the colour a label stands at the end of each line.
"""
import json, math, os, sys
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 840, 470
LEFT, RIGHT, TOP, BOTTOM = 76, 262, 46, 58
ROOM = 190      # for a label inside the frame
PALETTE = {'hostmemd': '#2f81c9', 'C': '#8a8f98'}
OTHER = '#d4762c'
DASHES = ('', '7 4', '2 4', '9 3 2 3')
STYLE = '''
text { font: 13px system-ui, sans-serif; fill: #656d76 }
.title { font-size: 15px; font-weight: 600 }
.small { font-size: 12px }
.grid { stroke: #8a8f98; stroke-opacity: .28 }
.guide { stroke: #8a8f98; stroke-opacity: .6; stroke-dasharray: 1 5; stroke-linecap: round }
.frame { stroke: #8a8f98; fill: none }
@media (prefers-color-scheme: dark) { text { fill: #b8bec7 } }
'''
TITLES = {
    'objects': 'Cost against objects: one request beside so many backends',
    'dimms': 'Cost against DIMMs: one more beside so many',
    'clients': 'Cost against clients on one socket',
    'message': 'Cost against the length of a message: an id echoed',
}


class Axis:
    """Values from low to high, on pixels from start to end, logarithmic over whole decades or parts of them."""

    def __init__(self, values, start, end, whole):
        low, high = min(values), max(values)
        self.low, self.high = math.log10(low), math.log10(high)
        if whole:
            self.low, self.high = math.floor(self.low + 1e-9), math.ceil(self.high - 1e-9)
        if self.high == self.low:
            self.high += 1
        self.start, self.end = start, end

    def at(self, value):
        return self.start + (math.log10(value) - self.low) / (self.high - self.low) * (self.end - self.start)

    def decades(self):
        return [10.0 ** e for e in range(math.ceil(self.low - 1e-9), math.floor(self.high + 1e-9) + 1)]


def plain(value):
    return f'{value:,.0f}'


def scaled(units, step):
    def text(value):
        at = min(len(units) - 1, max(0, int(math.log(value, step) + 1e-9)))
        return f'{value / step ** at:g} {units[at]}'
    return text


TIME = scaled(('us', 'ms', 's'), 1000)
X_TEXT = {'count': plain, 'bytes': scaled(('B', 'kB', 'MB'), 1000)}


def spread(wanted, distance, low, high):
    """Heights as near to the wanted ones as labels allow that must not lie on each other."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    placed = [wanted[i] for i in order]
    for _ in range(200):
        for i in range(1, len(placed)):
            if placed[i] - placed[i - 1] < distance:
                middle = (placed[i] + placed[i - 1]) / 2
                placed[i - 1], placed[i] = middle - distance / 2, middle + distance / 2
        placed = [min(max(y, low), high) for y in placed]
    return {i: y for i, y in zip(order, placed)}


def draw(name, curve, subtitle):
    series = [s for s in curve['series'] if s['points']]
    x = Axis([p[0] for s in series for p in s['points']], LEFT, WIDTH - RIGHT, whole=False)
    y = Axis([p[1] for s in series for p in s['points']], HEIGHT - BOTTOM, TOP, whole=True)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(TITLES[name])}">',
           f'<style>{STYLE}</style>', f'<text class="title" x="{LEFT}" y="22">{escape(TITLES[name])}</text>',
           f'<text class="small" x="{LEFT}" y="38">{escape(subtitle)}</text>']
    for value in x.decades():
        out += [f'<line class="grid" x1="{x.at(value):.1f}" x2="{x.at(value):.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>',
                f'<text x="{x.at(value):.1f}" y="{HEIGHT - BOTTOM + 19}" text-anchor="middle">{X_TEXT[curve["x-unit"]](value)}</text>']
    for value in y.decades():
        out += [f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y.at(value):.1f}" y2="{y.at(value):.1f}"/>',
                f'<text x="{LEFT - 8}" y="{y.at(value) + 4:.1f}" text-anchor="end">{TIME(value)}</text>']
    out += guides(x, y)
    out.append(f'<rect class="frame" x="{LEFT}" y="{TOP}" width="{WIDTH - RIGHT - LEFT}" height="{HEIGHT - BOTTOM - TOP}"/>')
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 14}" text-anchor="middle">{escape(curve["x"])}</text>')
    out.append(f'<text transform="translate(18 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">time, median</text>')

    # A line that ends well before the frame has its label above its end, the others at the right.
    inside = [x.at(s['points'][-1][0]) < WIDTH - RIGHT - ROOM for s in series]
    heights = [y.at(s['points'][-1][1]) for s in series]
    outside = spread([h for h, within in zip(heights, inside) if not within], 17, TOP + 6, HEIGHT - BOTTOM - 4)
    outside = iter([outside[i] for i in sorted(outside)])
    whats = {}
    for i, s in enumerate(series):
        colour = PALETTE.get(s['who'], OTHER)
        order = whats.setdefault(s['who'], [])
        order.append(s['what'])
        dash = DASHES[(len(order) - 1) % len(DASHES)]
        at = [(x.at(n), y.at(us)) for n, us in s['points']]
        path = ' '.join(f'{px:.1f},{py:.1f}' for px, py in at)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2" stroke-linejoin="round" '
                   f'stroke-dasharray="{dash}"/>')
        out += [f'<circle cx="{px:.1f}" cy="{py:.1f}" r="2.6" fill="{colour}"/>' for px, py in at]
        end = at[-1]
        text = f"{s['who']}: {s['what'].replace('`', '')}"
        if inside[i]:
            place = f'x="{end[0]:.1f}" y="{end[1] - 10:.1f}" text-anchor="middle"'
        else:
            edge, label = WIDTH - RIGHT + 12, next(outside)
            place = f'x="{edge}" y="{label + 4:.1f}"'
            out.append(f'<line x1="{end[0] + 5:.1f}" y1="{end[1]:.1f}" x2="{edge - 3}" y2="{label:.1f}" '
                       f'stroke="{colour}" stroke-opacity=".45"/>')
        out.append(f'<text class="small" {place} style="fill: {colour}">{escape(text)}</text>')
    return '\n'.join([*out, '</svg>', ''])


def guides(x, y):
    """Lines of costs in proportion to what is on the x axis, a few decades apart."""
    out = []
    for decade in range(int(y.low) - int(math.ceil(x.high - x.low)) - 1, int(y.high) + 1, 2):
        # us = 10^decade at the left edge; cut where it leaves the frame.
        left, right = max(x.low, x.low + (y.low - decade)), min(x.high, x.low + (y.high - decade))
        if right - left > 0.3:
            ends = [(10 ** at, 10 ** (decade + at - x.low)) for at in (left, right)]
            out.append('<line class="guide" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>' % tuple(
                v for n, us in ends for v in (x.at(n), y.at(us))))
    return out


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1]) as f:
        kept = json.load(f)
    os.makedirs(sys.argv[2], exist_ok=True)
    subtitle = f"{kept['machine']['processor']}, {kept['machine']['kernel']}, {kept['date']}; dotted: in proportion"
    for name, curve in kept['curves'].items():
        with open(f'{sys.argv[2]}/{name}.svg', 'w') as f:
            f.write(draw(name, curve, subtitle))


if __name__ == '__main__':
    main()
