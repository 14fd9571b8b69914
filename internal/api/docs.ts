import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Hono } from "hono";
import { type Content, contentOf } from "../http/content.ts";
import { contentResponse } from "../http/content-response.ts";
import { SECURE_PAGE_HEADERS } from "../http/secure-headers.ts";
import { addHandler, type Respond, type Serving } from "../http/serving.ts";

// All files come from this server, so that the page works offline and can load nothing else.
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

const PAGE_HEADERS = { ...SECURE_PAGE_HEADERS, "Content-Security-Policy": CONTENT_SECURITY_POLICY };

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

/** Serves `/docs`, a page to read and try the API. The page needs no API key; the requests that it sends may. */
export function addDocs(app: Hono, serving: Serving<"read">): void {
  const directory = dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));
  const toDocs = { Location: "docs", ...SECURE_PAGE_HEADERS };
  addPage(app, serving, "/", () => new Response(null, { status: 302, headers: toDocs }));
  addFile(app, "/docs", serving, () => PAGE, "text/html; charset=utf-8");
  addFile(app, "/docs/start.js", serving, () => START, "text/javascript; charset=utf-8");
  for (const [name, type] of Object.entries(PACKAGE_FILES)) {
    addFile(app, `/docs/${name}`, serving, () => readFileSync(join(directory, name)), type);
  }
}

/** Serves content that is read once, at the first request. */
function addFile(app: Hono, path: string, serving: Serving<"read">, read: () => Content["body"], type: string): void {
  let content: Content | undefined;
  addPage(app, serving, path, (c) => {
    content ??= contentOf(read());
    return contentResponse(c, content, type, "public, max-age=3600", PAGE_HEADERS);
  });
}

function addPage(app: Hono, serving: Serving<"read">, path: string, respond: Respond): void {
  addHandler(app, serving, { method: "get", path, admission: "read" }, respond);
}
