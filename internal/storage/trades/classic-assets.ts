import { type Asset, classicParts } from "../../canonical/asset.ts";
import type { Pair } from "../../canonical/pair.ts";
import { contractOf } from "../../canonical/stellar-contract.ts";
import type { Micros } from "../../canonical/time.ts";
import type { Database } from "../connection/database.ts";
import type { Sql } from "../connection/pool.ts";
import { pairsAfter } from "./traded-pairs.ts";

/** A classic asset, and a pair in which it was found. */
interface FoundAsset {
  readonly asset: Asset;
  readonly pair: Pair;
}

/** Result of a scan over all traded pairs: their classic assets by contract. */
interface AssetScan {
  readonly at: Micros;
  readonly byContract: ReadonlyMap<Asset, FoundAsset>;
}

/** The latest scan of a database by network. */
export type AssetScans = Map<string, AssetScan>;

const PAIRS_AT_ONCE = 1000;
/** A scan ends after this many pairs in key order, since its duration grows with them. */
const MOST_PAIRS = 100_000;

const scansOf = new WeakMap<Database["sql"], AssetScans>();

/** Returns the scans cached for an open database. */
export function cachedAssetScans({ sql }: Database): AssetScans {
  const scans = scansOf.get(sql) ?? new Map();
  scansOf.set(sql, scans);
  return scans;
}

/**
 * Returns the classic assets of contracts; see {@link TradeReader.classicAssets}. A cached scan younger than `within`
 * is used as it is. An older one is used if all of the contracts' pairs still exist; otherwise all pairs are scanned
 * again.
 */
export async function readClassicAssets(
  sql: Sql,
  scans: AssetScans,
  now: Micros,
  { contracts, network, within }: { contracts: readonly Asset[]; network: string; within: Micros },
): Promise<ReadonlyMap<Asset, Asset>> {
  const last = scans.get(network);
  const isFresh = last !== undefined && last.at <= now && now - last.at < within;
  if (last !== undefined && (isFresh || (await areStillThere(sql, last, contracts)))) return found(last, contracts);
  const scan = { at: now, byContract: await scanPairs(sql, network, last) };
  scans.set(network, scan);
  return found(scan, contracts);
}

function found({ byContract }: AssetScan, contracts: readonly Asset[]): Map<Asset, Asset> {
  return new Map(
    contracts.flatMap((contract): [Asset, Asset][] => {
      const known = byContract.get(contract);
      return known === undefined ? [] : [[contract, known.asset]];
    }),
  );
}

async function areStillThere(sql: Sql, { byContract }: AssetScan, contracts: readonly Asset[]): Promise<boolean> {
  const pairs = contracts.flatMap((contract) => byContract.get(contract)?.pair ?? []);
  if (pairs.length < contracts.length) return false;
  const rows = await sql`
    SELECT FROM unnest(${pairs.map(({ base }) => base)}::text[], ${pairs.map(({ quote }) => quote)}::text[])
      AS pair (base, quote)
    WHERE EXISTS (SELECT FROM trades_1h WHERE base_asset = pair.base AND quote_asset = pair.quote OFFSET 0)`;
  return rows.length === pairs.length;
}

async function scanPairs(sql: Sql, network: string, last: AssetScan | undefined): Promise<Map<Asset, FoundAsset>> {
  const known = new Map([...(last?.byContract ?? [])].map(([contract, { asset }]) => [asset, contract]));
  const byContract = new Map<Asset, FoundAsset>();
  let after: Pair | null = null;
  for (let seen = 0; seen < MOST_PAIRS; seen += PAIRS_AT_ONCE) {
    const rows: { base_asset: Asset; quote_asset: Asset }[] = await sql`
      WITH RECURSIVE ${pairsAfter(sql, after, PAIRS_AT_ONCE)} SELECT base_asset, quote_asset FROM page`;
    for (const { base_asset: base, quote_asset: quote } of rows) {
      after = { base, quote };
      for (const asset of [base, quote]) {
        const contract = classicParts(asset) && (known.get(asset) ?? contractOf(asset, network));
        if (contract !== null && !byContract.has(contract)) byContract.set(contract, { asset, pair: after });
      }
    }
    if (rows.length < PAIRS_AT_ONCE) break;
  }
  return byContract;
}
