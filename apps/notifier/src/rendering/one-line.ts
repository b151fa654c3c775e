/**
 * A value from an event as one harmless line. Names of databases, messages of tools and reasons are foreign text: a
 * line break could forge a mail header or a further line of the notice, a direction mark could turn the text around.
 */
export function oneLine(value: unknown, longest = 2000): string {
  const line = String(value)
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]+/gu, ' ')
    .trim();
  return line.length > longest ? `${line.slice(0, longest)}…` : line;
}
