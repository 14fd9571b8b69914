import type { SchemaNode } from "../../internal/config/keys.ts";
import type { Secret } from "../../internal/config/secrets.ts";
import { formatTomlValue } from "../../internal/config/toml.ts";
import { CONFIG_INTRODUCTION } from "./config-introduction.ts";
import { configTables, isTableListKey, type KeyReference, type TableReference } from "./config-tables.ts";
import { anchor, code, codeBlock, generatedFrom, list, page, paragraph, plain, table } from "./markdown.ts";
import { type Block, dedent } from "./text.ts";

const OPENING = paragraph(
  "The configuration is one TOML file, named by `--config FILE` or by `STELLARINDEX_CONFIG`. Every key has a default, " +
    "which applies where the file does not set it. [config.example.toml](../../../config.example.toml) has the same keys " +
    "as a file to copy.",
);

const SECRETS: Readonly<Record<Secret, string>> = {
  whole: "yes; it is shown as `***`",
  "after-host": "what follows the host is shown as `***`",
  password: "a password in it is shown as `***`",
};

/** docs/reference/config: every key with what it does, its default, what is allowed and its variable. */
export function configPage(): string {
  const tables = configTables().filter(({ keys, prose }) => keys.length > 0 || prose.length > 0);
  return page(
    generatedFrom("internal/config"),
    "# Configuration",
    OPENING,
    ...CONFIG_INTRODUCTION.map(markdown),
    "## At a glance",
    table(
      ["key", "type", "default"],
      tables.flatMap(({ keys }) => keys).map((key) => [linkTo(key), typeOf(key), code(formatTomlValue(key.usual))]),
    ),
    ...tables.flatMap(tableSection),
  );
}

function tableSection({ name, prose, keys }: TableReference): string[] {
  const heading = name === "" ? [] : [`## [${name}]`];
  return [...heading, ...prose.map(markdown), ...keys.flatMap((key) => keySection(key, name === "" ? "##" : "###"))];
}

function keySection(reference: KeyReference, level: string): string[] {
  const { key, node, usual, prose, example } = reference;
  const facts = [
    `Type: ${typeOf(reference)}`,
    `Default: ${code(formatTomlValue(usual))}`,
    ...(key.kind === "boolean" ? [] : [`Allowed: ${plain(node.description ?? "")}`]),
    `Environment: ${code(key.variable)}`,
    ...(key.secret === null ? [] : [`Secret: ${SECRETS[key.secret]}`]),
  ];
  return [
    `${level} ${key.dotted}`,
    ...prose.map(markdown),
    ...(example === null ? [] : [codeBlock("toml", example)]),
    ...(isTableListKey(reference) && node.items !== undefined ? [fieldTable(node.items)] : []),
    list(facts),
  ];
}

/** The fields that each table of a list may have. */
function fieldTable({ properties = {}, required = [] }: SchemaNode): string {
  return table(
    ["field", "required", "allowed"],
    Object.entries(properties).map(([name, node]) => [
      code(name),
      required.includes(name) ? "yes" : "no",
      plain(node.description ?? ""),
    ]),
  );
}

function typeOf(reference: KeyReference): string {
  const { kind } = reference.key;
  if (kind === "toml") return isTableListKey(reference) ? "list of tables" : "table";
  return { text: "text", number: "number", boolean: "true or false", texts: "list of texts" }[kind];
}

function linkTo({ key }: KeyReference): string {
  return `[${code(key.dotted)}](#${anchor(key.dotted)})`;
}

function markdown(block: Block): string {
  return "lines" in block ? codeBlock("text", dedent(block.lines.join("\n"))) : paragraph(block.paragraph);
}
