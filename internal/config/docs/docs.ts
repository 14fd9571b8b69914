import { aggregateDocs } from "./aggregate.ts";
import { apiDocs } from "./api.ts";
import { databaseDocs } from "./database.ts";
import { divergenceDocs } from "./divergence.ts";
import { logDocs } from "./log.ts";
import { redisDocs } from "./redis.ts";
import { sourcesDocs } from "./sources.ts";

/**
 * What keys and tables are for, by dotted name. A text is Markdown in paragraphs; lines that are set further in than the
 * others are kept as they are.
 */
export type Docs = Readonly<Record<string, string>>;

/**
 * The prose of every key, and of the tables that need some. `npm run docs` makes config.example.toml and
 * docs/reference/config of it and of the schema, whose descriptions say what is allowed.
 */
export const CONFIG_DOCS: Docs = {
  ...databaseDocs,
  ...redisDocs,
  ...apiDocs,
  ...logDocs,
  ...aggregateDocs,
  ...divergenceDocs,
  ...sourcesDocs,
};
