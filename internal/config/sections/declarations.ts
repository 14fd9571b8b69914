import { z } from "zod";
import { type Asset, isFiat } from "../../canonical/asset.ts";
import { parseTypedAsset } from "../../canonical/known-assets.ts";
import { closeAliases, DEFAULT_ALIASES, defaultPegs, type Pegs } from "../../policy/aliases.ts";
import { readAsset, readTable, report, tableField } from "./tables.ts";

/** The declared names of each asset, including the default; an empty list removes a default. */
export type DeclaredAliases = ReadonlyMap<Asset, readonly Asset[]>;

/** `asset = ["other name", …]`; each key overrides the default for that asset. */
export const aliasesField = z.codec(tableField, z.custom<DeclaredAliases>(), {
  decode: (table, context) => {
    const declared = readTable(table, context, parseTypedAsset, (names, [key]) => {
      if (Array.isArray(names)) return names.flatMap((name, index) => readAsset(name, context, [key, index]) ?? []);
      context.issues.push({ code: "invalid_type", expected: "array", input: names, path: [key] });
      return [];
    });
    return context.issues.length > 0 ? z.NEVER : new Map([...DEFAULT_ALIASES, ...declared]);
  },
  encode: (aliases) => Object.fromEntries([...aliases].map(([asset, names]) => [asset, [...names]])),
});

/** `asset = "fiat:USD"`: pegs that the operator declares in addition to the built-in ones. */
export const pegsField = z.codec(tableField, z.custom<Pegs>(), {
  decode: (table, context) => {
    const declared = readTable(table, context, parseTypedAsset, (text, path, asset) => {
      const currency = readAsset(text, context, path);
      if (isFiat(asset)) report(context, path, text, "is a currency, which cannot be pegged");
      if (currency !== null && !isFiat(currency)) report(context, path, text, `${currency} is not a currency`);
      return currency ?? asset;
    });
    return context.issues.length > 0 ? z.NEVER : declared;
  },
  encode: (pegs) => Object.fromEntries(pegs),
});

/** Returns a message for each group of aliases that stands for two currencies at once. */
export function contradictions(declared: DeclaredAliases, declaredPegs: Pegs, network: string): string[] {
  const pegs = new Map([...defaultPegs(network), ...declaredPegs]);
  const { groups } = closeAliases(declared, network, [...pegs.keys()]);
  return [...new Set(groups.values())].flatMap((names) => {
    const currencies = names.filter(isFiat);
    if (currencies.length > 1) return [`${currencies.join(" and ")} become names of one asset`];
    const meant = new Set(names.flatMap((name) => (isFiat(name) ? name : (pegs.get(name) ?? []))));
    return meant.size > 1 ? [`${names.join(" = ")} stands for ${[...meant].sort().join(" and ")} at once`] : [];
  });
}
