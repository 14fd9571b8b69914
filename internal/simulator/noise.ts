// Only operations that every machine computes alike: integer mixing and IEEE + - * /. Math.sin, exp and pow may differ
// in the last digit from one engine to the next, and with it a trade that is already stored.

/** 32 well-mixed bits of a list of whole numbers; those beyond 32 bits count in full. */
export function hash(...parts: readonly number[]): number {
  let state = 0x9e3779b9;
  for (const part of parts) {
    state = mix(state ^ (part >>> 0));
    state = mix(state + Math.floor(part / 0x1_0000_0000));
  }
  return state >>> 0;
}

/** The hash of a name. */
export function hashText(text: string): number {
  return hash(...Buffer.from(text));
}

/** A number in [0, 1), the same for the same parts. */
export function uniform(...parts: readonly number[]): number {
  return hash(...parts) / 0x1_0000_0000;
}

/** A number around 0 with variance 1, bell-shaped, never beyond ±3.47. */
export function bell(...parts: readonly number[]): number {
  let total = 0;
  for (let draw = 0; draw < 4; draw++) total += uniform(...parts, draw);
  return (total - 2) * 1.7320508;
}

/** Much like e^x, for |x| up to 3: makes something like a log-normal of a bell. */
export function growth(x: number): number {
  const square = (1 + x / 8) * (1 + x / 8);
  return square * square * (square * square);
}

/** A smooth curve within [-1, 1] through a random height at every whole number of `position`. */
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
