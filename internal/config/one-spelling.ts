import type { Asset } from "../canonical/asset.ts";
import type { Pair } from "../canonical/pair.ts";
import { type IssueSink, reportAt } from "../lib/cross-checks.ts";
import type { Pegs } from "../policy/aliases.ts";
import type { TriangulationSettings } from "../policy/routes/chain.ts";
import type { DeclaredAliases } from "./sections/declarations.ts";
import type { DeclaredFeed } from "./sections/divergence-tables.ts";

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

/** Reports assets that a configuration names in two spellings, such as `FOO` and `foo`, which would be two assets. */
export function checkSpellings(named: Named, context: IssueSink): void {
  const seen = new Map<string, Asset>();
  for (const { asset, path } of namedAssets(named)) {
    const earlier = seen.get(asset.toLowerCase());
    if (earlier === undefined) seen.set(asset.toLowerCase(), asset);
    else if (earlier !== asset) {
      reportAt(
        context,
        path,
        `${asset} differs from ${earlier} only in case, and the configuration names both`,
        `the spelling ${earlier} or ${asset} everywhere`,
      );
    }
  }
}

/** Returns every asset that is named, with its path. */
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
