import { readFileSync } from 'node:fs';
import type { CliText, Language } from '@hozen/contracts';
import { Command } from 'commander';
import type { Surroundings } from './context.js';
import { ENDINGS, EXIT_CODES, meaningOf, type Ending } from './exit-codes.js';
import { addBackupCommands } from './program/backup-commands.js';
import { createDefiner } from './program/definer.js';
import { addKeepingCommands } from './program/keeping-commands.js';
import { addRestoreCommands } from './program/restore-commands.js';
import { addTokenCommands } from './program/token-commands.js';
import { missingArgument } from './usage-errors.js';

/** The command line of `hozen`. @param ended told once how the command that was called ended */
export function createProgram(around: Surroundings, language: Language, ended: (ending: Ending) => void): Command {
  const program = new Command('hozen');
  const definer = createDefiner(program, around, language, ended);
  const { text, lang, examples, command, act } = definer;
  program
    .description(text('about.hozen'))
    .version(ownVersion(), '-V, --version', text('option.version'))
    .helpOption('-h, --help', text('option.help'))
    .helpCommand('help [command]', text('about.help'))
    .addOption(lang())
    .configureHelp({ styleTitle: (title) => titleIn(text, title) })
    .configureOutput({ writeOut: (chunk) => void around.out.write(chunk), writeErr: () => undefined })
    .exitOverride()
    .addHelpText('after', examples('hozen up', 'hozen backup nightly --wait', 'hozen runs', 'hozen help exit-codes'));

  program.hook('preAction', (_, { registeredArguments, processedArgs }) => {
    const empty = registeredArguments.find((_argument, index) => processedArgs[index] === '');
    if (empty) throw missingArgument(empty.name());
  });

  for (const add of [addBackupCommands, addRestoreCommands, addKeepingCommands, addTokenCommands]) add(definer);

  // Only for the list: bin/hozen.mjs gives `hozen wal` to the worker's program before this one is loaded.
  command('wal', 'about.wal').addHelpText('after', examples('hozen wal --help', 'hozen wal check'));

  command('exit-codes', 'about.exit-codes').action(
    act((context) => {
      context.out.write(exitCodesText(text));
      return Promise.resolve('ok');
    }),
  );
  return program;
}

export function exitCodesText(text: (key: CliText) => string): string {
  const lines = ENDINGS.map((ending) => `  ${String(EXIT_CODES[ending]).padStart(3)}  ${text(meaningOf(ending))}\n`);
  return `${text('help.exit-codes')}\n${lines.join('')}`;
}

const TITLES: Readonly<Record<string, CliText>> = {
  'Usage:': 'help.usage',
  'Arguments:': 'help.arguments',
  'Options:': 'help.options',
  'Global Options:': 'help.global-options',
  'Commands:': 'help.commands',
};

function titleIn(text: (key: CliText) => string, title: string): string {
  const key = TITLES[title];
  return key === undefined ? title : text(key);
}

function ownVersion(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
