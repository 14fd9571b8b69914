import { aggregateDocs } from "./aggregate.ts";
import { apiDocs } from "./api.ts";
import { controlDocs } from "./control.ts";
import { databaseDocs } from "./database.ts";
import { deliverDocs } from "./deliver.ts";
import { deliveriesDocs } from "./deliveries.ts";
import { divergenceDocs } from "./divergence.ts";
import { feedsDocs } from "./feeds.ts";
import { gatewayDocs } from "./gateway.ts";
import { logDocs } from "./log.ts";
import { redisDocs } from "./redis.ts";
import { sourcesDocs } from "./sources.ts";
import type { Docs } from "./type.ts";

/**
 * The prose of every key, and of some tables. `npm run docs` generates config.example.toml and docs/reference/config
 * from it and from the schema, whose descriptions give the allowed values.
 */
export const CONFIG_DOCS: Docs = {
  ...databaseDocs,
  ...redisDocs,
  ...apiDocs,
  ...controlDocs,
  ...gatewayDocs,
  ...deliverDocs,
  ...logDocs,
  ...aggregateDocs,
  ...divergenceDocs,
  ...sourcesDocs,
  ...feedsDocs,
  ...deliveriesDocs,
};
