import { z } from "zod";
import { closeAliases, DEFAULT_ALIASES, defaultPegs, type Pegs } from "../aggregate/aliases.ts";
import { type Asset, isFiat } from "../canonical/asset.ts";
import { parseTypedAsset } from "../canonical/known-assets.ts";
import { readAsset, readTable, report, tableField } from "./tables.ts";

/** Names of one asset as declared, the default among them; an empty list is a default that was taken away. */
export type DeclaredAliases = ReadonlyMap<Asset, readonly Asset[]>;

/** `asset = ["other name", …]`, merged over the default key by key. */
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

/** `asset = "fiat:USD"`: what the operator declares pegged, beside the built-in pegs. */
export const pegsField = z.codec(tableField, z.custom<Pegs>(), {
  decode: (table, context) => {
    const declared = readTable(table, context, parseTypedAsset, (text, path, asset) => {
      const currency = readAsset(text, context, path);
      if (isFiat(asset)) report(context, path, text, "is a currency itself, which nothing pegs");
      if (currency !== null && !isFiat(currency)) report(context, path, text, `${currency} is no currency`);
      return currency ?? asset;
    });
    return context.issues.length > 0 ? z.NEVER : declared;
  },
  encode: (pegs) => Object.fromEntries(pegs),
});

/** The alias groups that stand for two currencies at once, each as a sentence that says so. */
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
