import { DumpScanner, type DumpPart } from '../methods/mariadb-logical/dump-scanner.js';

/**
 * What a dump of a MariaDB server says of some databases, under other names. The statements that create the databases are
 * left out: they are there, and empty.
 * @param names the name in the dump → the name that it is to have
 */
export async function* renamedDump(
  dump: AsyncIterable<Buffer>,
  names: ReadonlyMap<string, string>,
): AsyncGenerator<Buffer> {
  let kept: Buffer[] = [];
  const scanner = new DumpScanner((bytes, part) => {
    const text = part.kind === 'use' ? useOf(names.get(part.database)) : undefined;
    if (text !== undefined) kept.push(Buffer.from(text));
    else if (isWanted(part, names)) kept.push(bytes);
  });
  for await (const chunk of dump) {
    scanner.push(chunk);
    if (kept.length > 0) yield Buffer.concat(kept);
    kept = [];
  }
  scanner.end();
  if (kept.length > 0) yield Buffer.concat(kept);
}

function useOf(name: string | undefined): string | undefined {
  return name === undefined ? undefined : `USE \`${name.replaceAll('`', '``')}\`;\n`;
}

function isWanted(part: DumpPart, names: ReadonlyMap<string, string>): boolean {
  if (part.kind === 'use' || part.kind === 'create' || part.kind === 'blank' || part.kind === 'position') return false;
  return part.database === '' || names.has(part.database);
}
