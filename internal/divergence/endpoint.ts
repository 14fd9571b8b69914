import { InputError } from "../canonical/input-error.ts";

/**
 * The address of a reference.
 * @throws InputError where it is no HTTP URL; the message never shows it, as it may hold a key
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
