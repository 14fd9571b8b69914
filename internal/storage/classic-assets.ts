import { type Asset, classicParts } from "../canonical/asset.ts";
import type { Pair } from "../canonical/pair.ts";
import { contractOf } from "../canonical/stellar-contract.ts";
import type { Micros } from "../canonical/time.ts";
import type { Database, Sql } from "./database.ts";
import { pairsAfter } from "./traded-pairs.ts";

/** A classic asset, and a pair that it was seen in. */
interface Sighting {
  readonly asset: Asset;
  readonly pair: Pair;
}

/** The classic assets that were traded, as one walk over all pairs found them. */
interface Walk {
  readonly at: Micros;
  readonly byContract: ReadonlyMap<Asset, Sighting>;
}

/** The last walk over a database's pairs, by network. */
export type Walks = Map<string, Walk>;

const PAIRS_AT_ONCE = 1000;
/** What lies behind so many pairs, in key order, is not looked at: the time that a walk takes grows with them. */
const MOST_PAIRS = 100_000;

const walksOf = new WeakMap<Database["sql"], Walks>();

/** What is remembered of a database for as long as it is open. */
export function rememberedWalks({ sql }: Database): Walks {
  const walks = walksOf.get(sql) ?? new Map();
  walksOf.set(sql, walks);
  return walks;
}

/**
 * The classic assets that contracts stand for; see {@link TradeReader.classicAssets}. With `within` at 0 one that is remembered
 * is looked for where it was seen; any other needs a walk over all pairs.
 */
export async function readClassicAssets(
  sql: Sql,
  walks: Walks,
  now: Micros,
  { contracts, network, within }: { contracts: readonly Asset[]; network: string; within: Micros },
): Promise<ReadonlyMap<Asset, Asset>> {
  const last = walks.get(network);
  const isFresh = last !== undefined && last.at <= now && now - last.at < within;
  if (last !== undefined && (isFresh || (await areStillThere(sql, last, contracts)))) return found(last, contracts);
  const walk = { at: now, byContract: await walkOver(sql, network, last) };
  walks.set(network, walk);
  return found(walk, contracts);
}

function found({ byContract }: Walk, contracts: readonly Asset[]): Map<Asset, Asset> {
  return new Map(
    contracts.flatMap((contract): [Asset, Asset][] => {
      const sighting = byContract.get(contract);
      return sighting === undefined ? [] : [[contract, sighting.asset]];
    }),
  );
}

async function areStillThere(sql: Sql, { byContract }: Walk, contracts: readonly Asset[]): Promise<boolean> {
  const pairs = contracts.flatMap((contract) => byContract.get(contract)?.pair ?? []);
  if (pairs.length < contracts.length) return false;
  const rows = await sql`
    SELECT FROM unnest(${pairs.map(({ base }) => base)}::text[], ${pairs.map(({ quote }) => quote)}::text[])
      AS pair (base, quote)
    WHERE EXISTS (SELECT FROM trades_1h WHERE base_asset = pair.base AND quote_asset = pair.quote OFFSET 0)`;
  return rows.length === pairs.length;
}

async function walkOver(sql: Sql, network: string, last: Walk | undefined): Promise<Map<Asset, Sighting>> {
  const known = new Map([...(last?.byContract ?? [])].map(([contract, { asset }]) => [asset, contract]));
  const byContract = new Map<Asset, Sighting>();
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
