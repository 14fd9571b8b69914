import { PROBLEMS, type ProblemKind, problemType } from "../../internal/api/problem.ts";
import { type ApiDocument, apiDocumentText, type Operation, type Parameter, type Schema } from "./api-document.ts";
import { type Field, fieldsOf, typeOf } from "./api-fields.ts";
import { code, codeBlock, generatedFrom, page, paragraph, plain, table } from "./markdown.ts";

const ORIGIN = "http://127.0.0.1:8080";

const OPENING = paragraph(
  "Everything is asked by GET, or by HEAD, without a body. A daemon shows the same at `/docs`, where it can be tried, " +
    "and as an OpenAPI 3.1 document at `/v1/openapi.json`; [openapi.json](openapi.json) is that document under the " +
    "default configuration, from which limits and default windows on this page come as well.",
);

const ANSWERS = paragraph(
  "An answer is one JSON object: `data` has what was asked for, and [beside it](#beside-data) is what a caller should " +
    "know besides. Answers have " +
    "a strong `ETag`, and a `Cache-Control` that says for how many seconds they hold; with `If-None-Match` one that has " +
    "not changed is a 304 without a body. Fields may be added; those that are here keep their meaning.",
);

const PROBLEMS_TEXT = paragraph(
  "An error is an `application/problem+json` object (RFC 9457). Its `type` is one of these; `detail` says in a sentence " +
    "what is wrong this time, and `errors` which parameters, where it is the query.",
);

/** docs/reference/api: every endpoint as the OpenAPI document has it. */
export async function apiPage(): Promise<string> {
  const document = JSON.parse(await apiDocumentText()) as ApiDocument;
  const kinds = Object.entries(PROBLEMS).toSorted(([, a], [, b]) => a.status - b.status);
  return page(
    generatedFrom("the OpenAPI document"),
    "# API",
    paragraph(document.info.description),
    OPENING,
    ANSWERS,
    ...Object.entries(document.paths).flatMap(([path, { get }]) => endpoint(path, get, document)),
    "## Beside data",
    "Each endpoint says which of these its answers have.",
    fieldTable(besideData(document)),
    "## Problems",
    PROBLEMS_TEXT,
    table(
      ["status", "type", "title"],
      kinds.map(([kind, { status, title }]) => [String(status), code(problemType(kind as ProblemKind)), plain(title)]),
    ),
  );
}

function endpoint(path: string, operation: Operation, document: ApiDocument): string[] {
  const { summary, description, parameters = [], responses } = operation;
  return [
    `## ${path}`,
    description === undefined ? `${summary}.` : paragraph(`${summary}. ${description}`),
    codeBlock("sh", `curl '${ORIGIN}${exampleRequest(path, parameters)}'`),
    ...(parameters.length > 0 ? [parameterTable(parameters, document)] : []),
    ...answer(operation, document),
    ...problems(responses),
  ];
}

/** The path with the example of every parameter that has one. */
export function exampleRequest(path: string, parameters: readonly Parameter[]): string {
  const given = parameters.flatMap(({ name, schema }) =>
    schema.example === undefined ? [] : `${name}=${schema.example}`,
  );
  return given.length === 0 ? path : `${path}?${given.join("&")}`;
}

function parameterTable(parameters: readonly Parameter[], document: ApiDocument): string {
  return table(
    ["parameter", "type", "what it says"],
    parameters.map(({ name, required, description = "", schema }) => [
      required ? `${code(name)}, needed` : code(name),
      typeOf(schema, document),
      [description, ...limits(schema)].join(" "),
    ]),
  );
}

function limits({ minimum, maximum, default: usual }: Schema): string[] {
  return [
    ...(minimum === undefined || maximum === undefined ? [] : [`From ${minimum} to ${maximum}.`]),
    ...(usual === undefined ? [] : [`By default ${code(String(usual))}.`]),
  ];
}

/** The fields of `data`, and what is beside it. */
function answer(operation: Operation, document: ApiDocument): string[] {
  const fields = answerFields(operation, document);
  if (fields.length === 0) return [];
  const beside = fields.filter(({ name }) => !/[.[]/.test(name) && name !== "data");
  const names = beside.map(({ name, isOptional }) => (isOptional ? `${code(name)}, which may be missing` : code(name)));
  return [
    fieldTable(fields.filter(({ name }) => isOfData(name) && name !== "data")),
    `[Beside data](#beside-data): ${names.join(" and ")}.`,
  ];
}

/** What answers have beside `data`: the fields of all endpoints, each once. */
function besideData(document: ApiDocument): Field[] {
  const fields = Object.values(document.paths).flatMap(({ get }) => answerFields(get, document));
  return [...new Map(fields.filter(({ name }) => !isOfData(name)).map((field) => [field.name, field])).values()];
}

function answerFields({ responses }: Operation, document: ApiDocument): Field[] {
  const schema = responses["200"]?.content?.["application/json"]?.schema;
  return schema === undefined ? [] : fieldsOf(schema, document);
}

function isOfData(name: string): boolean {
  return /^data\b/.test(name);
}

function fieldTable(fields: readonly Field[]): string {
  return table(
    ["field", "type", "what it is"],
    fields.map(({ name, type, isOptional, description }) => [
      code(name),
      isOptional ? `${type}; may be missing` : type,
      description,
    ]),
  );
}

/** The problems that an endpoint documents, each by the name in its type. */
function problems(responses: Operation["responses"]): string[] {
  const named = Object.entries(responses).flatMap(([status, { description }]) =>
    [...description.matchAll(/`urn:[a-z:]+:([a-z-]+)`/g)].map(([, kind]) => `${status} ${code(kind ?? "")}`),
  );
  return named.length === 0 ? [] : [paragraph(`[Problems](#problems): ${named.join(", ")}.`)];
}
