import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cliText, LANGUAGES, type CliText, type Language } from '@hozen/contracts';
import type { Output } from './terminal/output.js';
import { stylesFor, type Styles } from './terminal/styles.js';

/** What every command needs of its surroundings. */
export interface Context {
  /** The data folder: where `hozen up` keeps everything, and where running services write their addresses. */
  home: string;
  env: NodeJS.ProcessEnv;
  language: Language;
  json: boolean;
  /** Results. */
  out: Output;
  /** Progress and errors. */
  err: Output;
  styles: Styles;
  /** Aborted by Ctrl-C and SIGTERM. */
  signal: AbortSignal;
  text: (key: CliText, params?: Readonly<Record<string, string | number>>) => string;
}

export interface Surroundings {
  env: NodeJS.ProcessEnv;
  out: Output;
  err: Output;
  signal: AbortSignal;
}

export function createContext(around: Surroundings, options: { language: Language; json: boolean }): Context {
  return {
    env: around.env,
    out: around.out,
    err: around.err,
    signal: around.signal,
    ...options,
    home: homeOf(around.env),
    styles: stylesFor(around.env, around.out),
    text: (key, params) => cliText(options.language, key, params),
  };
}

/** Where the tokens of the installation are kept. */
export function tokensFile({ env, home }: Pick<Context, 'env' | 'home'>): string {
  return env['HOZEN_TOKENS_FILE'] || join(home, 'access', 'tokens.json');
}

/** `HOZEN_HOME`, else `.hozen` here if it exists, else `.hozen` of the clone that this command belongs to. */
export function homeOf(env: NodeJS.ProcessEnv): string {
  if (env['HOZEN_HOME']) return resolve(env['HOZEN_HOME']);
  const here = resolve('.hozen');
  return existsSync(here) ? here : fileURLToPath(new URL('../../../.hozen', import.meta.url));
}

/** The language that the locale variables ask for, after POSIX: LC_ALL, then LC_MESSAGES, then LANG. */
export function languageOf(env: NodeJS.ProcessEnv): Language {
  const locale = env['LC_ALL'] || env['LC_MESSAGES'] || env['LANG'] || '';
  return LANGUAGES.find((language) => locale.toLowerCase().startsWith(language)) ?? 'en';
}
