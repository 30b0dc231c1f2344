# SPDX-License-Identifier: Apache-2.0
"""Reads `perf script` from standard input; writes folded stacks and a flame graph (an SVG without scripts)."""

import html
import shutil
import subprocess
import sys


def stacks(lines):
    """Yields the frames of each sample, the outermost first."""
    frames = []
    for line in lines:
        words = line.split()
        if not words:
            if frames:
                yield tuple(reversed(frames))
            frames = []
        elif line[0] in " \t" and len(words) >= 2:
            frames.append(words[1].split("+0x")[0])
    if frames:
        yield tuple(reversed(frames))


def demangled(names):
    """Swift names as people write them, where the toolchain is there to tell."""
    names = sorted(names)
    if not shutil.which("swift"):
        return {name: name for name in names}
    command = ["swift", "demangle", "--simplified", "--compact"]
    result = subprocess.run(command, input="\n".join(names), capture_output=True, text=True, check=False)
    plain = result.stdout.splitlines()
    return dict(zip(names, plain)) if len(plain) == len(names) else {name: name for name in names}


def draw(counts, path):
    """One rectangle per run of equal frames at one depth, as wide as its share of samples."""
    width, height = 1600, 18
    total = sum(counts.values())
    rows, open_frames = [], []

    def close(depth, end):
        while len(open_frames) > depth:
            name, start = open_frames.pop()
            rows.append((len(open_frames), name, start, end))

    position = 0
    for stack, count in sorted(counts.items()):
        same = 0
        while same < min(len(stack), len(open_frames)) and open_frames[same][0] == stack[same]:
            same += 1
        close(same, position)
        open_frames.extend((name, position) for name in stack[same:])
        position += count
    close(0, position)
    deepest = max(row[0] for row in rows) + 1
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{deepest * height}" font-size="11" font-family="sans-serif">']
    for depth, name, start, end in rows:
        x, w = start * width / total, (end - start) * width / total
        if w < 0.5:
            continue
        y = (deepest - depth - 1) * height
        hue = 20 + sum(name.encode()) % 40
        title = html.escape(f"{name}: {100 * (end - start) / total:.2f} %")
        lines.append(f'<g><title>{title}</title><rect x="{x:.1f}" y="{y}" width="{w:.1f}" height="{height - 1}" fill="hsl({hue},75%,65%)"/>')
        if w > 30:
            lines.append(f'<text x="{x + 2:.1f}" y="{y + 13}">{html.escape(name[: int(w / 6)])}</text>')
        lines.append("</g>")
    lines.append("</svg>")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines))


def main():
    counts = {}
    for stack in stacks(sys.stdin):
        counts[stack] = counts.get(stack, 0) + 1
    if not counts:
        sys.exit("flames.py: no samples")
    plain = demangled({name for stack in counts for name in stack})
    counts = {tuple(plain[name] for name in stack): count for stack, count in counts.items()}
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        file.writelines(f"{';'.join(stack)} {count}\n" for stack, count in sorted(counts.items()))
    draw(counts, sys.argv[2])


main()
