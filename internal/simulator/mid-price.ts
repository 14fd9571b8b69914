import type { Asset } from "../canonical/asset.ts";
import { MICROS_PER_SECOND, type Micros } from "../canonical/time.ts";
import { hashText, valueNoise } from "./noise.ts";

/** The path of an asset's USD price: `anchor` ± `amplitude`, the latter relative to the anchor. */
interface PricePath {
  readonly anchor: number;
  readonly amplitude: number;
  /** Separates the path's random numbers from those of other paths. */
  readonly key: number;
}

// Both names of XLM share one path because arbitrage keeps their prices together.
const XLM = pricePath("XLM", 0.28, 0.09);

const PRICE_PATHS: ReadonlyMap<string, PricePath> = new Map([
  ["native", XLM],
  ["crypto:XLM", XLM],
  ["crypto:BTC", pricePath("BTC", 65_000, 0.05)],
  ["crypto:ETH", pricePath("ETH", 3_200, 0.07)],
  ["crypto:USDT", pricePath("USDT", 1, 0.0006)],
  ["crypto:USDC", pricePath("USDC", 1, 0.0003)],
  ["fiat:USD", pricePath("USD", 1, 0)],
  ["fiat:EUR", pricePath("EUR", 1.16, 0.006)],
  ["fiat:GBP", pricePath("GBP", 1.34, 0.006)],
]);

// Long waves have the largest weights; the weights add up to 1.
const WAVES = [
  { seconds: 43_200, weight: 0.5 },
  { seconds: 10_800, weight: 0.25 },
  { seconds: 2_400, weight: 0.15 },
  { seconds: 360, weight: 0.07 },
  { seconds: 45, weight: 0.03 },
] as const;

/**
 * Returns the USD price of an asset at a time: a smooth path that can be evaluated at any time independently.
 * @throws Error where the asset is not simulated
 */
export function usdPrice(seed: number, asset: Asset, at: Micros): number {
  const pricePath = PRICE_PATHS.get(asset);
  if (pricePath === undefined) throw new Error(`no simulated price for ${asset}`);
  const { anchor, amplitude, key } = pricePath;
  const elapsed = Number(at) / Number(MICROS_PER_SECOND);
  let height = 0;
  for (const [index, { seconds, weight }] of WAVES.entries()) {
    height += weight * valueNoise(elapsed / seconds, seed, key, index);
  }
  return anchor * (1 + amplitude * height);
}

function pricePath(name: string, anchor: number, amplitude: number): PricePath {
  return { anchor, amplitude, key: hashText(name) };
}
