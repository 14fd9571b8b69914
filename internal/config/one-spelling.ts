import type { Pegs } from "../aggregate/aliases.ts";
import type { TriangulationSettings } from "../aggregate/chain.ts";
import type { Asset } from "../canonical/asset.ts";
import type { Pair } from "../canonical/pair.ts";
import { type IssueTaker, reportAt } from "./cross-checks.ts";
import type { DeclaredAliases } from "./declarations.ts";
import type { DeclaredFeed } from "./divergence-tables.ts";

/** The parts of a configuration that name assets. */
interface Named {
  readonly aggregate: {
    readonly pairs: readonly Pair[];
    readonly aliases: DeclaredAliases;
    readonly pegs: Pegs;
    readonly triangulations: readonly TriangulationSettings[];
  };
  readonly divergence: {
    readonly coingecko: { readonly ids: ReadonlyMap<Asset, string> };
    readonly chainlink: { readonly feeds: readonly DeclaredFeed[] };
  };
}

/** Reports the assets that a configuration names in two spellings, `FOO` and `foo`: nothing would read one as the other. */
export function checkSpellings(named: Named, context: IssueTaker): void {
  const seen = new Map<string, Asset>();
  for (const { asset, path } of namedAssets(named)) {
    const earlier = seen.get(asset.toLowerCase());
    if (earlier === undefined) seen.set(asset.toLowerCase(), asset);
    else if (earlier !== asset) {
      reportAt(
        context,
        path,
        `${asset} differs from ${earlier}, which is named too, only in case`,
        "one spelling of an asset",
      );
    }
  }
}

/** Every asset that is named, and where. */
function namedAssets({ aggregate, divergence }: Named) {
  const { pairs, aliases, pegs, triangulations } = aggregate;
  const { coingecko, chainlink } = divergence;
  const at = (...path: PropertyKey[]) => path;
  const inAggregate = [
    ...pairs.flatMap(({ base, quote }, index) => [base, quote].map((asset) => ({ asset, path: at("pairs", index) }))),
    ...[...aliases].flatMap(([asset, names]) =>
      [asset, ...names].map((name) => ({ asset: name, path: at("aliases", asset) })),
    ),
    ...[...pegs.keys()].map((asset) => ({ asset, path: at("pegs", asset) })),
    ...triangulations.flatMap(({ target, legs }, index) =>
      [target, ...legs].flatMap(({ base, quote }) =>
        [base, quote].map((asset) => ({ asset, path: at("triangulations", index) })),
      ),
    ),
  ];
  const inDivergence = [
    ...[...coingecko.ids.keys()].map((asset) => ({ asset, path: at("coingecko", "ids", asset) })),
    ...chainlink.feeds.flatMap(({ pair }) =>
      [pair.base, pair.quote].map((asset) => ({ asset, path: at("chainlink", "feeds", `${pair.base}/${pair.quote}`) })),
    ),
  ];
  return [
    ...inAggregate.map(({ asset, path }) => ({ asset, path: at("aggregate", ...path) })),
    ...inDivergence.map(({ asset, path }) => ({ asset, path: at("divergence", ...path) })),
  ];
}
