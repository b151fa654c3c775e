import { parseArgs } from 'node:util';

// Loaded before anything else, and at every file of WAL: nothing but Node's own modules here.

export const WAL_COMMANDS = ['push', 'get', 'fetch-ahead', 'list', 'check'] as const;
export type WalCommand = (typeof WAL_COMMANDS)[number];

export interface WalOptions {
  command: WalCommand | undefined;
  /** What comes after the command. */
  words: string[];
  /** With the config, as `hozen apply` takes it. */
  file: string;
  config: string | undefined;
  /** Folder of this machine for what is sent or fetched ahead; without it nothing is. */
  spool: string | undefined;
  /** Files that are sent or fetched at one time. */
  jobs: number;
  /** Files that are looked ahead at most. */
  ahead: number;
  offline: boolean;
  json: boolean;
  lang: string | undefined;
  help: boolean;
}

const FILE = '/etc/hozen/backups.yaml';

/** @throws TypeError with what is wrong with the command line */
export function readOptions(args: string[], env: NodeJS.ProcessEnv): WalOptions {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      file: { type: 'string', short: 'f' },
      config: { type: 'string' },
      spool: { type: 'string' },
      jobs: { type: 'string' },
      ahead: { type: 'string' },
      offline: { type: 'boolean' },
      json: { type: 'boolean' },
      lang: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  const [command, ...words] = positionals;
  return {
    command: WAL_COMMANDS.find((each) => each === command),
    words: command === undefined || WAL_COMMANDS.includes(command as WalCommand) ? words : positionals,
    file: values.file ?? env['HOZEN_BACKUPS_FILE'] ?? FILE,
    config: values.config,
    spool: values.spool ?? env['HOZEN_WAL_SPOOL'],
    jobs: wholeNumber('jobs', values.jobs, 4, 32),
    ahead: wholeNumber('ahead', values.ahead, 16, 1000),
    offline: values.offline === true,
    json: values.json === true,
    lang: values.lang,
    help: values.help === true,
  };
}

function wholeNumber(option: string, text: string | undefined, otherwise: number, most: number): number {
  if (text === undefined) return otherwise;
  const number = Number(text);
  if (/^[1-9]\d*$/.test(text) && number <= most) return number;
  throw new TypeError(`--${option} must be a whole number from 1 to ${most}`);
}
