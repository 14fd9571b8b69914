/**
 * The security headers of every answer: no content sniffing, and no embedding by other sites. Answers include them as
 * constants, since middleware would add promises to each request. The proxy that terminates TLS should set
 * Strict-Transport-Security.
 */
export const SECURE_HEADERS = {
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "SAMEORIGIN",
} as const;

/** The additional headers of a page, which opens other pages and loads files. */
export const SECURE_PAGE_HEADERS = {
  ...SECURE_HEADERS,
  "Cross-Origin-Opener-Policy": "same-origin",
  "Origin-Agent-Cluster": "?1",
  "X-DNS-Prefetch-Control": "off",
  "X-Download-Options": "noopen",
  "X-Permitted-Cross-Domain-Policies": "none",
  "X-XSS-Protection": "0",
} as const;
