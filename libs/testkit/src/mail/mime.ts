/** A part of a message, or the message itself. */
export interface MimePart {
  /** Names in lower case, values unfolded and decoded; the first of a name counts. */
  headers: ReadonlyMap<string, string>;
  /** `text/plain` */
  type: string;
  /** Of a text part: decoded. Empty for containers and attachments. */
  text: string;
  /** Raw content of a part that is no container, transfer encoding undone. */
  content: Buffer;
  parts: MimePart[];
}

/** Reads a message (RFC 5322, 2045, 2047). Enough to look at what was sent; no judge of what is valid. */
export function parseMime(raw: Buffer): MimePart {
  const { head, body } = splitHead(raw.toString('latin1'));
  const headers = parseHeaders(head);
  const contentType = headers.get('content-type') ?? 'text/plain';
  const type = (contentType.split(';')[0] ?? '').trim().toLowerCase();
  const boundary = type.startsWith('multipart/') ? parameter(contentType, 'boundary') : undefined;
  if (boundary !== undefined) {
    const parts = partsBetween(body, boundary).map((part) => parseMime(Buffer.from(part, 'latin1')));
    return { headers, type, text: '', content: Buffer.alloc(0), parts };
  }
  const content = decodeTransfer(body, headers.get('content-transfer-encoding') ?? '7bit');
  const text = type.startsWith('text/') ? decodeText(content, parameter(contentType, 'charset')) : '';
  return { headers, type, text, content, parts: [] };
}

/** All parts that are no containers, in order. */
export function leaves(part: MimePart): MimePart[] {
  return part.parts.length === 0 ? [part] : part.parts.flatMap(leaves);
}

function splitHead(raw: string): { head: string; body: string } {
  const end = /\r?\n\r?\n/.exec(raw);
  if (end === null) return { head: raw, body: '' };
  return { head: raw.slice(0, end.index), body: raw.slice(end.index + end[0].length) };
}

function parseHeaders(head: string): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of head.replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/)) {
    const [, name, value] = /^([^:]+):\s*(.*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) continue;
    const key = name.toLowerCase();
    if (!headers.has(key)) headers.set(key, decodeWords(Buffer.from(value, 'latin1').toString('utf8')));
  }
  return headers;
}

/** `=?UTF-8?B?…?=`. The space between two such words is no space; a character may be split over both. */
function decodeWords(value: string): string {
  const joined = value.replace(/(\?=)\s+(?==\?)/g, '$1');
  return joined.replace(/(?:=\?[^?]+\?[BbQq]\?[^?]*\?=)+/g, (words) => {
    const matches = [...words.matchAll(/=\?([^?]+)\?([BbQq])\?([^?]*)\?=/g)];
    const bytes = matches.map(([, , encoding = '', text = '']) =>
      encoding.toLowerCase() === 'b' ? Buffer.from(text, 'base64') : unquote(text.replaceAll('_', ' ')),
    );
    return decodeText(Buffer.concat(bytes), matches[0]?.[1]);
  });
}

function parameter(value: string, name: string): string | undefined {
  const match = new RegExp(`;\\s*${name}\\s*=\\s*(?:"([^"]*)"|([^\\s;]+))`, 'i').exec(value);
  return match?.[1] ?? match?.[2];
}

function partsBetween(body: string, boundary: string): string[] {
  const lines = `\r\n${body}`.split(`\r\n--${boundary}`);
  return lines
    .slice(1)
    .filter((part) => !part.startsWith('--'))
    .map((part) => part.replace(/^[ \t]*\r\n/, ''));
}

function decodeTransfer(body: string, encoding: string): Buffer {
  switch (encoding.trim().toLowerCase()) {
    case 'base64':
      return Buffer.from(body, 'base64');
    case 'quoted-printable':
      return unquote(body.replace(/[ \t]+(?=\r?\n)/g, '').replace(/=\r?\n/g, ''));
    default:
      return Buffer.from(body, 'latin1');
  }
}

function unquote(text: string): Buffer {
  const bytes = text.replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1');
}

function decodeText(bytes: Buffer, charset = 'utf-8'): string {
  return new TextDecoder(charset).decode(bytes);
}
