/**
 * Descriptions of keys and tables, by dotted name. A text is Markdown in paragraphs; lines with more indentation than
 * the others are kept verbatim.
 */
export type Docs = Readonly<Record<string, string>>;
