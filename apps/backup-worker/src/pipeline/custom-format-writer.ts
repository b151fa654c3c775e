/** What pg_dump writes after the rows of a table. */
export const END_OF_COPY = Buffer.from('\\.\n\n\n');
/** Archives of version 1.14 are read by pg_restore 12 and newer. */
const VERSION = [1, 14, 0];
const INT_SIZE = 4;
const OFFSET_SIZE = 8;
const CUSTOM = 1;
const SECTION = { preData: 2, data: 3 } as const;
const OFFSET = { notSet: 1, noData: 3 } as const;
const BLOCK_DATA = 1;
const DUMP_ID = 4;

/** An empty chunk ends the data block. */
export const ARCHIVE_END = int(0);

/**
 * The beginning of an archive in pg_dump's custom format that holds the rows of one table, up to the first chunk of
 * them: header, table of contents, head of the data block.
 * @param table names as they are, columns as SQL has them
 * @param qualified the table's name as SQL has it
 * @param encoding of the rows
 */
export function archiveHead(
  table: { schema: string; name: string; columns: string },
  qualified: string,
  encoding: string,
): Buffer {
  const copy = `COPY ${qualified} (${table.columns}) FROM stdin;\n`;
  return Buffer.concat([
    Buffer.from('PGDMP'),
    Buffer.from([...VERSION, INT_SIZE, OFFSET_SIZE, CUSTOM]),
    int(0),
    // When it was made, which database, which versions: the artefact says so better.
    ...Array.from({ length: 7 }, () => int(0)),
    text(''),
    text(''),
    text(''),
    int(DUMP_ID),
    setting(1, 'ENCODING', `SET client_encoding = '${encoding}';\n`),
    setting(2, 'STDSTRINGS', `SET standard_conforming_strings = 'on';\n`),
    setting(3, 'SEARCHPATH', `SELECT pg_catalog.set_config('search_path', '', false);\n`),
    entry(DUMP_ID, { tag: table.name, desc: 'TABLE DATA', section: SECTION.data, namespace: table.schema, copy }),
    Buffer.from([BLOCK_DATA]),
    int(DUMP_ID),
  ]);
}

/** What stands before each chunk of rows. */
export function chunkHead(bytes: number): Buffer {
  return int(bytes);
}

function setting(dumpId: number, name: string, defn: string): Buffer {
  return entry(dumpId, { tag: name, desc: name, section: SECTION.preData, namespace: '', defn });
}

function entry(
  dumpId: number,
  what: { tag: string; desc: string; section: number; namespace: string; defn?: string; copy?: string },
): Buffer {
  const { tag, desc, section, namespace, defn = '', copy = null } = what;
  const hasData = copy !== null;
  return Buffer.concat([
    int(dumpId),
    int(hasData ? 1 : 0),
    text('0'),
    text('0'),
    text(tag),
    text(desc),
    int(section),
    // Definition, drop statement, COPY statement.
    text(defn),
    text(''),
    text(copy),
    // Schema, tablespace, access method, owner, with oids, the end of the dependencies.
    text(namespace),
    text(null),
    text(null),
    text(''),
    text('false'),
    text(null),
    Buffer.from([hasData ? OFFSET.notSet : OFFSET.noData]),
    Buffer.alloc(OFFSET_SIZE),
  ]);
}

/** Sign and four bytes, least significant first. */
function int(value: number): Buffer {
  const bytes = Buffer.alloc(1 + INT_SIZE);
  bytes[0] = value < 0 ? 1 : 0;
  bytes.writeUInt32LE(Math.abs(value), 1);
  return bytes;
}

function text(value: string | null): Buffer {
  if (value === null) return int(-1);
  const bytes = Buffer.from(value);
  return Buffer.concat([int(bytes.length), bytes]);
}
