import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Context, Hono } from "hono";
import { contentOf, contentResponse, NOSNIFF } from "./content.ts";
import { addRoute } from "./route.ts";

// Everything comes from this server: the page works offline and may load nothing else.
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Stellar Index API</title>
<link rel="icon" type="image/png" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
`;

const START = `SwaggerUIBundle({ url: "v1/openapi.json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null });
`;

const PACKAGE_FILES = {
  "swagger-ui.css": "text/css; charset=utf-8",
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
  "favicon-32x32.png": "image/png",
} as const;

/** Serves `/docs`: a page to read the API's description and to try it out. */
export function addDocs(app: Hono, stopwatch: () => number): void {
  const directory = dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));
  addRoute(app, "/", stopwatch, () => new Response(null, { status: 302, headers: { Location: "docs", ...NOSNIFF } }));
  addRoute(app, "/docs", stopwatch, (c) => page(c, PAGE, "text/html; charset=utf-8"));
  addRoute(app, "/docs/start.js", stopwatch, (c) => page(c, START, "text/javascript; charset=utf-8"));
  for (const [name, type] of Object.entries(PACKAGE_FILES)) {
    addRoute(app, `/docs/${name}`, stopwatch, async (c) => page(c, await readFile(join(directory, name)), type));
  }
}

function page(c: Context, body: string | Uint8Array<ArrayBuffer>, type: string): Response {
  return contentResponse(contentOf(body), type, "public, max-age=3600", c.req.header("If-None-Match"), {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
  });
}
