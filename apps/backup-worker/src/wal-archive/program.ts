import { asHozenError, cliText, HozenError, LANGUAGES, translatedError, type Language } from '@hozen/contracts';
import { checkArchive } from './check-archive.js';
import { contentsOf } from './contents.js';
import { fetchAhead } from './fetch-ahead.js';
import { place, refill } from './fetched-ahead.js';
import { getFile } from './get-file.js';
import { readOptions, type WalOptions } from './options.js';
import { pushWithOthers } from './push-ahead.js';
import { readConfig } from './read-config.js';
import { checkText, listText, type Text } from './report-text.js';
import { Spool } from './spool.js';
import { requireWalName, WalArchive } from './wal-archive.js';

/**
 * What PostgreSQL makes of them: to archive_command all but 0 means "again later"; to restore_command 1 means that there is
 * no such file, which ends the recovery in good order, and what is above 125 stops it.
 */
const EXIT = { ok: 0, failed: 1, notThere: 1, usage: 2, trouble: 200 } as const;

export interface Streams {
  env: NodeJS.ProcessEnv;
  out: { write(text: string): unknown };
  err: { write(text: string): unknown };
}

/** Runs `hozen wal …`. @returns the exit code */
export async function runWal(args: string[], streams: Streams): Promise<number> {
  let language = languageOf(streams.env);
  const text: Text = (key, params) => cliText(language, key, params);
  let options: WalOptions;
  try {
    options = readOptions(args, streams.env);
  } catch (error) {
    streams.err.write(`${(error as Error).message}\n${text('wal.help')}`);
    // A recovery must not take a typing mistake for the end of the WAL.
    return args[0] === 'get' ? EXIT.trouble : EXIT.usage;
  }
  language = LANGUAGES.find((each) => each === options.lang) ?? language;
  const { command, words } = options;
  if (options.help) {
    streams.out.write(text('wal.help'));
    return EXIT.ok;
  }
  const expected = command && { push: 1, get: 2, 'fetch-ahead': 1, list: 0, check: 0 }[command];
  if (command === undefined || words.length !== expected) {
    streams.err.write(text('wal.help'));
    return command === 'get' ? EXIT.trouble : EXIT.usage;
  }
  try {
    return await WORK[command](options, streams, text);
  } catch (thrown) {
    const error = asHozenError(thrown);
    const { message, hint } = translatedError(language, error);
    const subject = words[0] === undefined ? '' : ` ${words[0]}`;
    streams.err.write(`hozen wal ${command}${subject}: ${error.code}: ${message}\n  → ${hint}\n`);
    return command === 'get' ? EXIT.trouble : EXIT.failed;
  }
}

type Work = (options: WalOptions, streams: Streams, text: Text) => Promise<number>;

const WORK: Readonly<Record<NonNullable<WalOptions['command']>, Work>> = {
  async push(options) {
    const { archive } = await opened(options);
    const { jobs, ahead } = options;
    await pushWithOthers(archive, options.words[0] ?? '', { jobs, ahead, spool: await Spool.of(options) });
    return EXIT.ok;
  },

  async get(options) {
    const [name = '', destination = ''] = options.words;
    const { archive } = await opened(options);
    const spool = await Spool.of(options);
    const content = await getFile(archive, name);
    if (!content) return EXIT.notThere;
    await place(content, destination).catch((cause: Error) => {
      throw new HozenError('STORAGE_IO', { path: destination }, { cause, detail: cause.message });
    });
    if (spool) await refill(spool, name, options);
    return EXIT.ok;
  },

  async 'fetch-ahead'(options) {
    const { archive } = await opened(options);
    const spool = await Spool.of(options);
    if (spool) await fetchAhead(archive, requireWalName(options.words[0] ?? ''), spool, options);
    return EXIT.ok;
  },

  async list(options, { out }, text) {
    const { archive } = await opened(options);
    const contents = await contentsOf(archive);
    out.write(options.json ? `${JSON.stringify(contents)}\n` : listText(contents, text));
    return EXIT.ok;
  },

  async check(options, { out }, text) {
    const { archive, target } = await opened(options);
    const checked = await checkArchive(archive, options.offline ? undefined : target);
    out.write(options.json ? `${JSON.stringify(checked)}\n` : checkText(checked, text));
    return checked.faults.length === 0 ? EXIT.ok : EXIT.failed;
  },
};

async function opened({ file, config: name }: WalOptions) {
  const { config, target } = await readConfig(file, name);
  return { archive: await WalArchive.of(config), target };
}

/** After POSIX: LC_ALL, then LC_MESSAGES, then LANG. */
function languageOf(env: NodeJS.ProcessEnv): Language {
  const locale = (env['LC_ALL'] || env['LC_MESSAGES'] || env['LANG'] || '').toLowerCase();
  return LANGUAGES.find((language) => locale.startsWith(language)) ?? 'en';
}
