import type { Asset } from "../canonical/asset.ts";
import { MICROS_PER_SECOND, type Micros } from "../canonical/time.ts";
import { hashText, valueNoise } from "./noise.ts";

/** The way of an asset's price in USD: around `anchor`, give or take the part `swing` of it. */
interface Course {
  readonly anchor: number;
  readonly swing: number;
  /** Tells the course's random numbers from every other's. */
  readonly key: number;
}

// Both names of XLM take one course: arbitrage keeps them together.
const XLM = course("XLM", 0.28, 0.09);

const COURSES: ReadonlyMap<string, Course> = new Map([
  ["native", XLM],
  ["crypto:XLM", XLM],
  ["crypto:BTC", course("BTC", 65_000, 0.05)],
  ["crypto:ETH", course("ETH", 3_200, 0.07)],
  ["crypto:USDT", course("USDT", 1, 0.0006)],
  ["crypto:USDC", course("USDC", 1, 0.0003)],
  ["fiat:USD", course("USD", 1, 0)],
  ["fiat:EUR", course("EUR", 1.16, 0.006)],
  ["fiat:GBP", course("GBP", 1.34, 0.006)],
]);

// Long waves carry the price, short ones ripple it; the weights add up to 1.
const WAVES = [
  { seconds: 43_200, weight: 0.5 },
  { seconds: 10_800, weight: 0.25 },
  { seconds: 2_400, weight: 0.15 },
  { seconds: 360, weight: 0.07 },
  { seconds: 45, weight: 0.03 },
] as const;

/**
 * What one unit of the asset is worth in USD at a moment: a smooth path that any moment's value can be read off alone.
 * @throws Error where the simulated market does not know the asset
 */
export function usdPrice(seed: number, asset: Asset, at: Micros): number {
  const course = COURSES.get(asset);
  if (course === undefined) throw new Error(`no simulated price for ${asset}`);
  const { anchor, swing, key } = course;
  const elapsed = Number(at) / Number(MICROS_PER_SECOND);
  let height = 0;
  for (const [index, { seconds, weight }] of WAVES.entries()) {
    height += weight * valueNoise(elapsed / seconds, seed, key, index);
  }
  return anchor * (1 + swing * height);
}

function course(name: string, anchor: number, swing: number): Course {
  return { anchor, swing, key: hashText(name) };
}
