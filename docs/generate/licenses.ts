import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../internal/lib/package-root.ts";
import { generatedFrom, page, paragraph, plain, table } from "./markdown.ts";

/** A package that the program needs to run, and the terms that it comes under. */
export interface LicensedPackage {
  readonly name: string;
  readonly version: string;
  /** SPDX. */
  readonly license: string;
  readonly holders: readonly string[];
}

interface LockedPackage {
  readonly version?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  /** A package of this repository's workspace. */
  readonly link?: boolean;
}

const MODULES = "node_modules/";
const LICENSE_FILE = /^(licen[cs]e|copying|notice)/i;
const HOLDER = /^[\s*#]*(?:Copyright\s+(?:\([cC]\)|©|\d{4}|[A-Z]\S+ [A-Z])|©).*$/gm;

/** Every package of others that `npm ci --omit=dev` installs, by name. */
export function runtimePackages(): LicensedPackage[] {
  const { packages } = JSON.parse(readFileSync(join(packageRoot(), "package-lock.json"), "utf8")) as {
    packages: Readonly<Record<string, LockedPackage>>;
  };
  return Object.entries(packages)
    .filter(
      ([path, { dev, devOptional, link }]) =>
        path.startsWith(MODULES) && dev !== true && devOptional !== true && link !== true,
    )
    .map(([path, { version = "", license = "" }]) => ({
      name: path.slice(path.lastIndexOf(MODULES) + MODULES.length),
      version,
      license,
      holders: holdersOf(join(packageRoot(), path)),
    }))
    .sort((a, b) => (a.name === b.name ? compare(a.version, b.version) : compare(a.name, b.name)));
}

/** Who holds the rights, as the package's own files say it; else its author. */
function holdersOf(folder: string): string[] {
  const texts = readdirSync(folder)
    .filter((file) => LICENSE_FILE.test(file))
    .sort()
    .map((file) => readFileSync(join(folder, file), "utf8"));
  const found = texts.flatMap((text) =>
    [...text.matchAll(HOLDER)].map(([line]) => line.replace(/^[\s*#]+/, "").trim()),
  );
  const holders = [...new Set(found)];
  return holders.length > 0 ? holders : authorOf(folder);
}

function authorOf(folder: string): string[] {
  const { author } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
    author?: string | { readonly name?: string };
  };
  const name = typeof author === "object" ? author.name : author;
  return name === undefined ? [] : [name];
}

/** THIRD_PARTY_LICENSES.md: whose work is installed with the program. */
export function licensesPage(): string {
  return page(
    generatedFrom("package-lock.json and the packages themselves"),
    "# Third-party licences",
    paragraph(
      "Stellar Index comes under the Apache License 2.0. It is installed with the packages below, each under its own terms, " +
        "which lie in its folder in `node_modules`.",
    ),
    table(
      ["package", "version", "licence", "rights"],
      runtimePackages().map(({ name, version, license, holders }) => [
        name,
        version,
        license,
        plain(holders.join("; ")) || "see its folder",
      ]),
    ),
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
