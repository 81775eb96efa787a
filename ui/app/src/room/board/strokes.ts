/** Leaves out points that hardly change a line: Ramer, Douglas and Peucker's way, without recursion. */
export function simplify(points: readonly number[], tolerance: number): number[] {
  const count = points.length / 2;
  if (count <= 2) return [...points];
  const isKept = new Uint8Array(count);
  isKept[0] = 1;
  isKept[count - 1] = 1;
  const spans: [number, number][] = [[0, count - 1]];
  for (let span = spans.pop(); span !== undefined; span = spans.pop()) {
    const [from, to] = span;
    const [index, distance] = farthest(points, from, to);
    if (distance <= tolerance) continue;
    isKept[index] = 1;
    spans.push([from, index], [index, to]);
  }
  return points.filter((_, index) => isKept[index >> 1] === 1).map(Math.round);
}

const FINEST = 0.8;

/** As fine as a number of coordinates allows. */
export function simplifyTo(points: readonly number[], most: number): number[] {
  let tolerance = FINEST;
  let simple = simplify(points, tolerance);
  while (simple.length > most) {
    tolerance *= 2;
    simple = simplify(points, tolerance);
  }
  return simple;
}

function farthest(points: readonly number[], from: number, to: number): [number, number] {
  const [ax, ay] = at(points, from);
  const [bx, by] = at(points, to);
  const length = Math.hypot(bx - ax, by - ay);
  let best: [number, number] = [from, 0];
  for (let index = from + 1; index < to; index += 1) {
    const [x, y] = at(points, index);
    const distance =
      length === 0
        ? Math.hypot(x - ax, y - ay)
        : Math.abs((bx - ax) * (ay - y) - (ax - x) * (by - ay)) / length;
    if (distance > best[1]) best = [index, distance];
  }
  return best;
}

/** A smooth path through the middles of a line's points. */
export function strokePath(points: readonly number[]): string {
  const [startX, startY] = at(points, 0);
  let path = `M${String(startX)} ${String(startY)}`;
  const last = points.length / 2 - 1;
  for (let index = 1; index < last; index += 1) {
    const [x, y] = at(points, index);
    const [nextX, nextY] = at(points, index + 1);
    path += `Q${String(x)} ${String(y)} ${String((x + nextX) / 2)} ${String((y + nextY) / 2)}`;
  }
  const [endX, endY] = at(points, last);
  return `${path}L${String(endX)} ${String(endY)}`;
}

/** A line with a head at its end. */
export function arrowPath(dx: number, dy: number): string {
  const length = Math.hypot(dx, dy);
  const size = Math.min(16, length / 2);
  const angle = Math.atan2(dy, dx);
  const side = (turn: number) =>
    `${String(dx - size * Math.cos(angle + turn))} ${String(dy - size * Math.sin(angle + turn))}`;
  return `M0 0L${String(dx)} ${String(dy)}M${side(0.5)}L${String(dx)} ${String(dy)}L${side(-0.5)}`;
}

function at(points: readonly number[], index: number): [number, number] {
  return [points[2 * index] ?? 0, points[2 * index + 1] ?? 0];
}
