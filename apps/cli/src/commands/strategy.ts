import { BackupsFile, HozenError, requireValid, type ConfigSpec, type TargetView } from '@hozen/contracts';
import { stringify } from 'yaml';
import { strategyOf, type Strategy, type StrategyName } from '../configuration/strategies.js';
import type { Context } from '../context.js';
import type { Ending } from '../exit-codes.js';
import { call } from '../services/call.js';
import { putInPlace } from './apply.js';
import { missingOption } from '../usage-errors.js';

export interface StrategyOptions {
  storage?: string;
  like?: string;
  zone?: string;
  print?: boolean;
  dryRun?: boolean;
}

/** What a config says of how its backups are kept, and another one takes over. */
const KEEPING = ['storage', 'secondaryStorage', 'encryption', 'signing', 'window'] as const;

/** `hozen strategy apply standard erp --storage /srv/backups`: configs and schedules of a ready-made plan. */
export async function strategyApply(
  context: Context,
  name: StrategyName,
  target: string,
  options: StrategyOptions,
): Promise<Ending> {
  const strategy = await made(context, name, target, options);
  if (options.print) {
    context.out.write(stringify(strategy));
    return 'ok';
  }
  return putInPlace(context, requireValid(BackupsFile, strategy, 'CONFIG_INVALID'), options.dryRun === true);
}

async function made(context: Context, name: StrategyName, target: string, options: StrategyOptions): Promise<Strategy> {
  const targets = await call<TargetView[]>(context, 'backup-worker', '/targets');
  const found = targets.find((each) => each.name === target);
  if (!found) throw new HozenError('NOT_FOUND', { what: 'target', id: target, list: 'apply -f backups.yaml' });
  const { kind } = found;
  const timeZone = options.zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  const keeping = await keepingOf(context, options);
  const strategy = strategyOf(name, { target, kind, timeZone, keeping });
  if (strategy) return strategy;
  throw new HozenError('CONFIG_INVALID', {}, { detail: context.text('strategy.none', { strategy: name, kind }) });
}

async function keepingOf(context: Context, { storage, like }: StrategyOptions) {
  if (like === undefined) {
    if (storage === undefined) throw missingOption('--storage <folder>');
    return { storage: { kind: 'file', path: storage } };
  }
  const spec = await call<ConfigSpec>(context, 'backup-worker', `/configs/${encodeURIComponent(like)}`);
  const taken = KEEPING.filter((field) => spec[field] !== undefined).map((field) => [field, spec[field]] as const);
  return { storage: spec.storage, ...Object.fromEntries(taken) };
}
