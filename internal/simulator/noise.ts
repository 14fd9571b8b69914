// Only operations with identical results everywhere: integer mixing and IEEE + - * /. Math.sin, exp and pow may differ
// in
// the last digit between engines, and so would trades that are already stored.

/** Returns a 32-bit hash of a list of integers; all bits of larger integers count. */
export function hash(...parts: readonly number[]): number {
  let state = 0x9e3779b9;
  for (const part of parts) {
    state = mix(state ^ (part >>> 0));
    state = mix(state + Math.floor(part / 0x1_0000_0000));
  }
  return state >>> 0;
}

/** Returns the 32-bit hash of a text. */
export function hashText(text: string): number {
  return hash(...Buffer.from(text));
}

/** Returns a deterministic, uniformly distributed number in [0, 1). */
export function uniform(...parts: readonly number[]): number {
  return hash(...parts) / 0x1_0000_0000;
}

/** Returns an approximately normal number with mean 0 and variance 1, within ±3.47 (a sum of four uniform ones). */
export function approximateNormal(...parts: readonly number[]): number {
  let total = 0;
  for (let draw = 0; draw < 4; draw++) total += uniform(...parts, draw);
  return (total - 2) * 1.7320508;
}

/** Returns (1 + x/8)^8, an approximation of e^x for |x| up to 3. */
export function approximateExp(x: number): number {
  const square = (1 + x / 8) * (1 + x / 8);
  return square * square * (square * square);
}

/** Returns value noise: a smooth curve within [-1, 1] through a random height at every integer `position`. */
export function valueNoise(position: number, ...parts: readonly number[]): number {
  const step = Math.floor(position);
  const rest = position - step;
  const height = (at: number) => 2 * uniform(...parts, at) - 1;
  const weight = rest * rest * (3 - 2 * rest);
  return height(step) * (1 - weight) + height(step + 1) * weight;
}

function mix(value: number): number {
  let bits = Math.imul(value ^ (value >>> 16), 0x7feb352d);
  bits = Math.imul(bits ^ (bits >>> 15), 0x846ca68b);
  return bits ^ (bits >>> 16);
}
