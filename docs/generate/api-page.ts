import { PRICE_PROBLEMS } from "../../internal/api/problems.ts";
import { PROBLEMS, problemType } from "../../internal/http/problem.ts";
import { type ApiDocument, apiDocumentText, type Operation, type Parameter, type Schema } from "./api-document.ts";
import { type Field, fieldsOf, typeOf } from "./api-fields.ts";
import { code, codeBlock, generatedFrom, page, paragraph, plain, table } from "./markdown.ts";

const ORIGIN = "http://127.0.0.1:8080";

const OPENING = paragraph(
  "All endpoints are read with GET or HEAD, without a request body. A running API serves the same reference at `/docs`, " +
    "where requests can be tried, and as an OpenAPI 3.1 document at `/v1/openapi.json`. [openapi.json](openapi.json) is " +
    "that document under the default configuration; the limits and default windows on this page are those defaults.",
);

const ANSWERS = paragraph(
  "An answer is one JSON object. `data` contains the result, and [other fields](#fields-beside-data) describe it. Answers have a " +
    "strong `ETag`, and a `Cache-Control` that says for how many seconds they are valid. A request with `If-None-Match` " +
    "gets status 304 without a body if the answer has not changed. New fields may be added; existing fields keep their " +
    "meaning.",
);

const PROBLEMS_TEXT = paragraph(
  "An error is an `application/problem+json` object (RFC 9457) whose `type` is one of these. `detail` describes the error in " +
    "a sentence. If query parameters are wrong, `errors` lists them.",
);

/** The errors of requests that match no endpoint, which no endpoint documents. */
const OF_NO_ROUTE = [PROBLEMS["route-not-found"], PROBLEMS["method-not-allowed"]];

/** Returns docs/reference/api: every endpoint of the OpenAPI document. */
export async function apiPage(): Promise<string> {
  const text = await apiDocumentText();
  const document = JSON.parse(text) as ApiDocument;
  const kinds = [...Object.values(PROBLEMS), ...Object.values(PRICE_PROBLEMS)]
    .filter((kind) => OF_NO_ROUTE.includes(kind) || text.includes(`"${problemType(kind)}"`))
    .toSorted((a, b) => a.status - b.status);
  return page(
    generatedFrom("the OpenAPI document"),
    "# API",
    paragraph(document.info.description),
    OPENING,
    ANSWERS,
    ...Object.entries(document.paths).flatMap(([path, { get }]) => endpoint(path, get, document)),
    "## Fields beside data",
    "Each endpoint lists which of these fields its answers have.",
    fieldTable(besideData(document)),
    "## Problems",
    PROBLEMS_TEXT,
    table(
      ["status", "type", "title"],
      kinds.map((kind) => [String(kind.status), code(problemType(kind)), plain(kind.title)]),
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

/** Returns the path with the examples of all parameters that have one. */
export function exampleRequest(path: string, parameters: readonly Parameter[]): string {
  const given = parameters.flatMap(({ name, schema }) =>
    schema.example === undefined ? [] : `${name}=${schema.example}`,
  );
  return given.length === 0 ? path : `${path}?${given.join("&")}`;
}

function parameterTable(parameters: readonly Parameter[], document: ApiDocument): string {
  return table(
    ["parameter", "type", "description"],
    parameters.map(({ name, required, description = "", schema }) => [
      required ? `${code(name)}, required` : code(name),
      typeOf(schema, document),
      [description, ...limits(schema)].join(" "),
    ]),
  );
}

function limits({ minimum, maximum, default: usual }: Schema): string[] {
  return [
    ...(minimum === undefined || maximum === undefined ? [] : [`From ${minimum} to ${maximum}.`]),
    ...(usual === undefined ? [] : [`Default: ${code(String(usual))}.`]),
  ];
}

/** Returns a table of the fields of `data`, and a list of the fields beside it. */
function answer(operation: Operation, document: ApiDocument): string[] {
  const fields = answerFields(operation, document);
  if (fields.length === 0) return [];
  const beside = fields.filter(({ name }) => !/[.[]/.test(name) && name !== "data");
  const names = beside.map(({ name, isOptional }) => (isOptional ? `${code(name)} (optional)` : code(name)));
  return [
    fieldTable(fields.filter(({ name }) => isOfData(name) && name !== "data")),
    `[Fields beside data](#fields-beside-data): ${names.join(" and ")}.`,
  ];
}

/** Returns the fields beside `data` of all endpoints, without duplicates. */
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
    ["field", "type", "description"],
    fields.map(({ name, type, isOptional, description }) => [
      code(name),
      isOptional ? `${type}, optional` : type,
      description,
    ]),
  );
}

/** Returns the problems that an endpoint documents, by the last part of their types. */
function problems(responses: Operation["responses"]): string[] {
  const named = Object.entries(responses).flatMap(([status, { description }]) =>
    [...description.matchAll(/`urn:[a-z:]+:([a-z-]+)`/g)].map(([, kind]) => `${status} ${code(kind ?? "")}`),
  );
  return named.length === 0 ? [] : [paragraph(`[Problems](#problems): ${named.join(", ")}.`)];
}
