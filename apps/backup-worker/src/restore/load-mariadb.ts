import { Readable } from 'node:stream';
import { HozenError } from '@hozen/contracts';
import { findMariadbTool, OptionFile, runTool, type AnsweringMariadb } from '@hozen/dbms';

/**
 * Commands of the client in what it is given do nothing, but for DELIMITER. And a LOAD DATA LOCAL that somebody put into a dump must not
 * bring files of the worker into a database.
 */
const OPTIONS = [
  '--batch',
  '--binary-mode',
  // Else the client takes them out of routines, triggers and events.
  '--comments',
  '--local-infile=0',
  '--default-character-set=utf8mb4',
  '--max-allowed-packet=1G',
];

/**
 * Has a server execute a script.
 * @throws HozenError TOOL_FAILED with the server's answer, SANDBOX_MISSING, of the TARGET_ codes; what reading the script throws; the signal's reason
 */
export function loadMariadb(
  address: AnsweringMariadb,
  script: AsyncIterable<Buffer>,
  signal: AbortSignal,
): Promise<void> {
  return load(address, script, signal, OPTIONS);
}

/**
 * Has a server execute what it can of a script that is executed again, as a whole, once more is there.
 * @throws HozenError as {@link loadMariadb}, but for what the server refuses
 */
export async function loadWhatCan(
  address: AnsweringMariadb,
  script: AsyncIterable<Buffer>,
  signal: AbortSignal,
): Promise<void> {
  try {
    await load(address, script, signal, [...OPTIONS, '--force']);
  } catch (error) {
    if (!(error instanceof HozenError) || error.code !== 'TOOL_FAILED') throw error;
  }
}

async function load(
  address: AnsweringMariadb,
  script: AsyncIterable<Buffer>,
  signal: AbortSignal,
  args: readonly string[],
): Promise<void> {
  const { path } = await findMariadbTool('client', address.server);
  await using options = await OptionFile.write(address);
  const stdin = Readable.from(script);
  const tool = { path, args: [options.argument, ...args], env: options.env, signal, stdin, sandbox: {} };
  try {
    await runTool({ ...tool, stdout: 'ignore' }).done;
  } catch (error) {
    throw error instanceof HozenError ? answerOnly(error) : error;
  }
}

/** The client repeats the statement: rows of people, and hashes of passwords. */
function answerOnly(error: HozenError): HozenError {
  const [answer] = /^ERROR \d+ [^]*$/m.exec(error.detail ?? '') ?? [];
  return answer === undefined
    ? error
    : new HozenError(error.code, error.params, { detail: answer, cause: error.cause });
}
