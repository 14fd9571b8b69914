import { InputError } from "../canonical/input-error.ts";

/**
 * Parses the URL of a reference.
 * @throws InputError where it is not an HTTP URL; the message never contains the URL because it may contain a key
 */
export function parseEndpoint(url: string, reference: string): URL {
  const refuse = (why: string): never => {
    throw new InputError(`the URL of ${reference} ${why}; write https://HOST[:PORT][/PATH]`);
  };
  if (!URL.canParse(url)) return refuse("cannot be read");
  const endpoint = new URL(url);
  if (endpoint.protocol !== "https:" && endpoint.protocol !== "http:") return refuse("has another scheme");
  if (endpoint.username !== "" || endpoint.password !== "") return refuse("holds a user name or a password");
  return endpoint;
}
