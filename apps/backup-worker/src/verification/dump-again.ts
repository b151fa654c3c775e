import { findMariadbTool, OptionFile, type AnsweringMariadb } from '@hozen/dbms';
import type { AttemptContext } from '../job.js';
import { dumpArguments } from '../methods/mariadb-logical/dump-arguments.js';
import { DumpContentReader, type DumpContent } from '../methods/mariadb-logical/dump-content.js';
import { runInto } from '../pipeline/pour.js';

export interface DumpAgain extends Pick<AttemptContext, 'signal' | 'progress'> {
  names: readonly string[];
  expectedBytes: number;
}

/**
 * What a dump of these databases of a server holds, made in the same way as that of the backup.
 * @throws HozenError of the TARGET_ codes, TOOL_FAILED
 */
export async function dumpAgain(
  address: AnsweringMariadb,
  { names, expectedBytes, signal, progress }: DumpAgain,
): Promise<DumpContent> {
  if (names.length === 0) return { tables: [], definitions: [] };
  const { path } = await findMariadbTool('dump', address.server);
  await using options = await OptionFile.write(address);
  const reader = new DumpContentReader();
  let bytes = 0;
  await runInto(
    { path, args: dumpArguments(address.server.flavour, options, names), env: options.env, sandbox: {}, signal },
    (chunk) => {
      reader.push(chunk);
      progress({ phase: 'comparing', bytes: (bytes += chunk.length), expectedBytes });
      return undefined;
    },
  );
  return reader.end();
}
