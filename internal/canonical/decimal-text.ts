import { magnitude } from "./integer.ts";

/** Returns `units · 10^-scale` in plain notation with `scale` decimals, or none if `scale` is negative. */
export function plainText(units: bigint, scale: number): string {
  if (scale <= 0) return `${units}${"0".repeat(-scale)}`;
  const digits = magnitude(units)
    .toString()
    .padStart(scale + 1, "0");
  const point = digits.length - scale;
  return `${units < 0n ? "-" : ""}${digits.slice(0, point)}.${digits.slice(point)}`;
}

/** Removes trailing zeros of the decimals. */
export function withoutTrailingZeros(text: string): string {
  if (!text.includes(".")) return text;
  let end = text.length;
  while (text[end - 1] === "0") end--;
  return text.slice(0, text[end - 1] === "." ? end - 1 : end);
}
