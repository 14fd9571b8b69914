import { openApiFile } from "./api-document.ts";
import { apiPage } from "./api-page.ts";
import { configExample } from "./config-example.ts";
import { configPage } from "./config-page.ts";
import { controlPage } from "./control-page.ts";
import { gatewayDocument } from "./gateway-document.ts";
import { importPage } from "./import-page.ts";
import { licensesPage } from "./licenses.ts";
import { metricsPage } from "./metrics-page.ts";

/** Every file that is made from the code, by its path from the root, and how. */
export const GENERATED: Readonly<Record<string, () => string | Promise<string>>> = {
  "config.example.toml": configExample,
  "docs/reference/config/README.md": configPage,
  "docs/reference/metrics/README.md": metricsPage,
  "docs/reference/api/README.md": apiPage,
  "docs/reference/api/openapi.json": openApiFile,
  "docs/reference/control/README.md": controlPage,
  "docs/reference/gateway/openapi.json": gatewayDocument,
  "docs/import.md": importPage,
  "THIRD_PARTY_LICENSES.md": licensesPage,
};
