import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { deployPath, readDeployed } from "./tools.ts";

// Without their types, which would bring those of browsers into the whole project.
const load = createRequire(import.meta.url);
const { parse } = load("@cdktf/hcl2json") as { parse: (file: string, text: string) => Promise<object> };
const { format } = load("@cdktf/hcl-tools") as { format: (text: string) => Promise<string> };

export type Value = string | number | boolean | null | readonly Value[] | Table;
export interface Table {
  readonly [name: string]: Value;
}
/** Blocks by their labels: `{ aws_lb: { this: [{ … }] } }`. */
type Labelled = Readonly<Record<string, Readonly<Record<string, readonly [Table]>>>>;
type Named = Readonly<Record<string, readonly [Table]>>;

interface Blocks {
  readonly variable?: Named;
  readonly output?: Named;
  readonly module?: Named;
  readonly locals?: readonly Table[];
  readonly resource?: Labelled;
  readonly data?: Labelled;
  readonly ephemeral?: Labelled;
}

/** A resource, or what is read or made for a moment. */
export interface Block {
  readonly kind: "resource" | "data" | "ephemeral";
  readonly type: string;
  readonly name: string;
  readonly body: Table;
}

/** A directory of Terraform files. */
export interface Module {
  readonly name: string;
  readonly variables: Readonly<Record<string, Table>>;
  readonly outputs: Readonly<Record<string, Table>>;
  readonly calls: Readonly<Record<string, Table>>;
  readonly locals: Table;
  readonly blocks: readonly Block[];
  /** What its expressions name: `var.zones`, `module.network.vpc_id`, `aws_lb.this`, `data.aws_caller_identity.current`. */
  readonly references: ReadonlySet<string>;
}

const ROOT = ["terraform", "aws"];
export const EXAMPLE = "example";
const KINDS = ["resource", "data", "ephemeral"] as const;

const unlabelled = (named: Named = {}): Record<string, Table> =>
  Object.fromEntries(Object.entries(named).map(([name, [body]]) => [name, body]));

/** Returns the paths below `deploy/terraform/aws` of all Terraform files. */
export function terraformFiles(): string[] {
  return readdirSync(deployPath(...ROOT), { recursive: true, encoding: "utf8" }).filter((file) => /\.tf$/.test(file));
}

export function readTerraform(file: string): string {
  return readDeployed(...ROOT, file);
}

/** Returns what `terraform fmt` makes of a file. */
export async function formatted(file: string): Promise<string> {
  return format(readTerraform(file));
}

/** Reads the modules and the example. @throws Error at the first syntax error, with file and line */
export async function readModules(): Promise<Map<string, Module>> {
  const files = terraformFiles();
  const directoryOf = (file: string): string => file.slice(0, file.lastIndexOf("/"));
  const directories = [...new Set(files.map(directoryOf))];
  const modules = await Promise.all(
    directories.map((directory) =>
      readModule(
        directory,
        files.filter((file) => directoryOf(file) === directory),
      ),
    ),
  );
  return new Map(modules.map((module) => [module.name, module]));
}

async function readModule(directory: string, files: readonly string[]): Promise<Module> {
  const parsed = (await Promise.all(files.map((file) => parse(file, readTerraform(file))))) as Blocks[];
  const blocks = parsed.flatMap((file) =>
    KINDS.flatMap((kind) =>
      Object.entries(file[kind] ?? {}).flatMap(([type, named]) =>
        Object.entries(named).map(([name, [body]]) => ({ kind, type, name, body })),
      ),
    ),
  );
  const expressions = parsed.flatMap((file) => textsIn(file as Value)).filter((text) => text.includes("${"));
  return {
    name: directory.replace("modules/", ""),
    variables: Object.assign({}, ...parsed.map(({ variable }) => unlabelled(variable))),
    outputs: Object.assign({}, ...parsed.map(({ output }) => unlabelled(output))),
    calls: Object.assign({}, ...parsed.map(({ module }) => unlabelled(module))),
    locals: Object.assign({}, ...parsed.flatMap(({ locals = [] }) => locals)),
    blocks,
    references: new Set(expressions.flatMap(referencesIn)),
  };
}

const REFERENCE =
  /(?<![\w.-])(?:(var|local|(?:aws|random)_\w+)\.(\w+)|(data|ephemeral)\.(\w+\.\w+)|(module)\.(\w+)(?:\[[^\]]*\])?(\.\w+)?)/g;

function referencesIn(expression: string): string[] {
  return [...expression.matchAll(REFERENCE)].map(([, ...parts]) => {
    const [first, ...rest] = parts.filter((part) => part !== undefined);
    return `${first}.${rest.join("")}`;
  });
}

/** Returns every text in a value. */
export function textsIn(value: Value): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

const META = new Set(["count", "for_each", "depends_on", "lifecycle"]);
const isBlocks = (value: Value | undefined): value is readonly Table[] =>
  Array.isArray(value) && value.every((each) => typeof each === "object" && each !== null && !Array.isArray(each));

/** Returns the bodies of the nested blocks of a name, also of those that are made by `dynamic`. */
export function nested(body: Table, name: string): Table[] {
  const plain = body[name];
  const made = (body["dynamic"] as Table | undefined)?.[name];
  return [
    ...(isBlocks(plain) ? plain : []),
    ...(isBlocks(made) ? made.flatMap(({ content }) => (isBlocks(content) ? content : [])) : []),
  ];
}

/** Returns the names of the arguments of a block and of the blocks in it. */
export function argumentsOf(body: Table, isOutermost = true): string[] {
  return Object.entries(body).flatMap(([name, value]) => {
    if (isOutermost && META.has(name)) return [];
    if (name === "dynamic") {
      const inner = Object.keys(value as Table);
      return inner.flatMap((each) => [each, ...nested(body, each).flatMap((content) => argumentsOf(content, false))]);
    }
    return [name, ...(isBlocks(value) ? value.flatMap((each) => argumentsOf(each, false)) : [])];
  });
}

/** A resource with the module that has it. */
export interface PlacedBlock extends Block {
  readonly module: string;
}

/** Returns all resources of a type. */
export function blocksOf(modules: ReadonlyMap<string, Module>, type: string): PlacedBlock[] {
  return [...modules.values()].flatMap(({ name: module, blocks }) =>
    blocks.filter((block) => block.type === type).map((block) => ({ ...block, module })),
  );
}

/** What the example runs as a service. */
export interface Daemon {
  readonly command: readonly string[];
  readonly role: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, string>>;
  readonly port: number | null;
  readonly ops_port: number;
}

/** Returns the daemons of the example, by name. */
export function daemonsOf({ locals }: Module): Readonly<Record<string, Daemon>> {
  return locals["daemons"] as unknown as Readonly<Record<string, Daemon>>;
}
