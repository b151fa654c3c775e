import { once } from 'node:events';
import { newToken } from '@hozen/access';
import { BackupsFile, requireValid, type ConfigView } from '@hozen/contracts';
import { applyFile, dryRun } from '../configuration/apply-file.js';
import { readBackupsFile } from '../configuration/read-backups-file.js';
import type { Context } from '../context.js';
import type { Ending } from '../exit-codes.js';
import { call } from '../services/call.js';
import { invalidRequest } from '../services/ask-for-backup.js';
import { takeFirstBackup } from './first-backup.js';
import { prepareHome } from './home.js';
import { lockHome } from './lock.js';
import { report } from './report.js';
import { SAMPLE_CONFIG, startSample, writeSampleFile, type SampleFile } from './sample.js';
import { sayTo, type Say } from './say.js';
import { Secrets } from './secrets.js';
import { startServers } from './servers.js';
import { startServices } from './services.js';

export interface UpOptions {
  once?: boolean;
}

/** `hozen up`: everything in one data folder, from nothing to a proven backup. What it started, it stops again. */
export async function up(around: Context, options: UpOptions): Promise<Ending> {
  // Its services know it as the one that started them, whoever else may ask.
  const context = { ...around, env: { ...around.env, HOZEN_TOKEN: newToken() } };
  const say = sayTo(context);
  await using stack = new AsyncDisposableStack();
  const home = await prepareHome(context.home);
  const unlock = await lockHome(home.path);
  stack.defer(() => say.done('up.stopped', { path: home.path }));
  stack.defer(unlock);
  say.done('up.preparing', { path: home.path });

  const secrets = new Secrets(home.secrets);
  const surroundings = await startServers(context, home, secrets, say, stack);
  const sample = await startSample(home, secrets, say, stack);
  await startServices(context, home, secrets, surroundings, say, stack);
  stack.defer(() => say.step('up.stopping'));

  await applySample(context, await writeSampleFile(home, secrets, sample), say);
  const ending = await report(context, home, await takeFirstBackup(context, say));
  if (options.once) return ending;
  say.done('up.running');
  if (!context.signal.aborted) await once(context.signal, 'abort');
  return ending;
}

/** Whole at first; afterwards only where the sample server is now, for everything else is the user's. */
async function applySample(context: Context, { path, target }: SampleFile, say: Say): Promise<void> {
  const configs = await call<ConfigView[]>(context, 'backup-worker', '/configs');
  if (configs.some(({ name }) => name === SAMPLE_CONFIG)) {
    await applyFile(context, requireValid(BackupsFile, { targets: [target] }));
    return;
  }
  const file = await readBackupsFile(context, path);
  if (!file.ok) throw invalidRequest(file.reasons);
  const { refused } = await dryRun(context, file.value);
  if (refused[0]) throw refused[0].refusal;
  await applyFile(context, file.value);
  say.done('up.applied', { file: path });
}
