import type { Mapping } from "../../config/sections/mapping.ts";
import { applyMapping } from "../mapping.ts";
import type { Protocol } from "../protocol.ts";
import { readGraphqlAnswer } from "./read-answer.ts";

/**
 * Returns the protocol of a GraphQL API over HTTP: a mutation by POST, with the delivery's id as Idempotency-Key.
 * @param query the text of the mutation
 * @param variables how its variables are made
 */
export function graphqlProtocol(query: string, variables: Mapping): Protocol {
  const before = `{"query":${JSON.stringify(query)},"variables":`;
  return {
    request: (event, deliveryId) => ({
      headers: {
        accept: "application/graphql-response+json, application/json",
        "idempotency-key": deliveryId,
      },
      body: `${before}${applyMapping(variables, event, deliveryId)}}`,
    }),
    read: readGraphqlAnswer,
  };
}
