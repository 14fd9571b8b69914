/** The connections that an HTTP server of a daemon has at once; further ones are refused. */
export const MOST_CONNECTIONS = 10_000;
