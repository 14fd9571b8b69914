import { parseAsset } from "../canonical/asset.ts";
import { formatPair, parsePair } from "../canonical/pair.ts";

/** The tables whose keys the operator chooses, and the canonical form of their keys. */
export const ENTRY_TABLES: readonly {
  readonly path: readonly string[];
  readonly canonical: (key: string) => string;
}[] = [
  { path: ["aggregate", "aliases"], canonical: parseAsset },
  { path: ["aggregate", "pegs"], canonical: parseAsset },
  { path: ["divergence", "coingecko", "ids"], canonical: parseAsset },
  { path: ["divergence", "chainlink", "feeds"], canonical: (key) => formatPair(parsePair(key)) },
];
