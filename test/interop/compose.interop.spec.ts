import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { eventually, tempDir } from '@hozen/testkit';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const launch = (program: string, ...args: string[]) => promisify(execFile)(program, args, { cwd: root });

/** Ports of the machine are left alone: the commands run inside. */
const NO_PORTS = `services:
${['jaeger', 'scheduler', 'backup-worker', 'maintenance-worker', 'notifier'].map((name) => `  ${name}:\n    ports: !reset []\n`).join('')}`;

it('compose.yaml starts everything, which backs up its own server, proves it, and shows the trace', async (context) => {
  const missing = await whatIsMissing();
  if (missing !== undefined) context.skip(missing);
  await using folder = await tempDir();
  await writeFile(folder.join('no-ports.yaml'), NO_PORTS);
  await launch('sh', 'deploy/container/make-secrets.sh');
  const project = `hozen-test-${randomBytes(4).toString('hex')}`;
  const files = ['-f', 'compose.yaml', '-f', folder.join('no-ports.yaml')];
  const compose = (...args: string[]) => launch('docker', 'compose', '-p', project, ...files, ...args);
  const hozen = async (...args: string[]) => (await compose('run', '--rm', '-T', 'hozen', ...args)).stdout.trim();
  await using ending = new AsyncDisposableStack();
  ending.defer(async () => void (await compose('down', '--volumes')));

  await compose('up', '--detach', '--wait');
  await hozen('apply', '-f', 'deploy/container/backups.yaml');
  const lines = (await hozen('backup', 'own-database', '--wait', '--override-window')).split('\n');
  const { run } = JSON.parse(lines.at(-1) ?? '{}') as { run: { id: string; state: string; artefact: object } };
  expect(run).toMatchObject({ state: 'completed', artefact: { proof: { level: 'restore' } } });
  await eventually(
    async () => {
      const trace = await hozen('trace', run.id);
      for (const each of ['backup-worker', 'notifier', 'pg_dump', 'pg_restore']) expect(trace).toContain(each);
    },
    { within: 60_000 },
  );
}, 900_000);

/** The images come from registries, and the image of Hozen from the network; neither is built or fetched by a test. */
async function whatIsMissing(): Promise<string | undefined> {
  const works = (...args: string[]) =>
    launch('docker', ...args).then(
      () => true,
      () => false,
    );
  if (!(await works('compose', 'version'))) return 'no `docker compose` here';
  if (!(await works('info'))) return 'the container engine does not run';
  const { stdout } = await launch('docker', 'compose', 'config', '--images');
  for (const image of new Set(stdout.trim().split('\n'))) {
    if (await works('image', 'inspect', image)) continue;
    return `the image ${image} is not here: docker compose build, docker compose pull`;
  }
  return undefined;
}
