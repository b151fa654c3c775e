import { chmod, mkdir, mkdtemp, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ResourcesSpec } from '@hozen/contracts';
import { PrivatePostgres, runTool, toolOutput, withChildLimits } from '@hozen/dbms';
import { expect, it } from 'vitest';
import { CpuGroups } from './cpu-groups.js';
import { WorkerResources } from './worker-resources.js';

const NEVER = new AbortController().signal;

const spec = (change: Partial<ResourcesSpec> = {}) => Object.assign(new ResourcesSpec(), change);

/** What a program, and a program that it starts, say of themselves. */
const ASK = { path: '/bin/sh', args: ['-c', 'nice; ionice; cat /proc/self/cgroup; sh -c "nice; ionice"'] };

async function said(change: Partial<ResourcesSpec>) {
  await using resources = await WorkerResources.find('off');
  await using governor = await resources.govern(spec(change), 'run', NEVER);
  const text = (await governor.around(() => toolOutput(ASK))).toString();
  const lines = text.split('\n').filter((line) => line !== '' && !/^\d+:/.test(line));
  return { use: governor.use, lines };
}

it('without control groups the programs of a run give way in the queues of processors and disks, and the run says so', async () => {
  const { use, lines } = await said({});
  expect(use).toEqual({ cpu: 'niceness', cpuPercent: 50, ioClass: 'best-effort', ioLevel: 7 });
  expect(lines).toEqual(['10', 'best-effort: prio 7', '10', 'best-effort: prio 7']);
});

it('the class and level of I/O are those of the config', async () => {
  expect((await said({ ioClass: 'idle' })).lines).toEqual(['10', 'idle', '10', 'idle']);
  expect((await said({ ioLevel: 3 })).lines[1]).toBe('best-effort: prio 3');
});

it('a config without limits leaves programs as they are', async () => {
  const { use, lines } = await said({ cpuPercent: 100, ioClass: 'none' });
  expect(use).toEqual({ cpu: 'unlimited', cpuPercent: 100, ioClass: 'none' });
  const own = (await toolOutput(ASK)).toString().split('\n');
  expect(lines.slice(0, 2)).toEqual(own.slice(0, 2));
});

it('programs outside of the run are not held', async () => {
  await using resources = await WorkerResources.find('off');
  await using governor = await resources.govern(spec(), 'run', NEVER);
  await governor.around(() => toolOutput(ASK));
  expect((await toolOutput(ASK)).toString()).toMatch(/^0\n/);
});

it('the server that proves a backup is held as well, with the processes that it starts', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hz-nice-'));
  await chmod(folder, 0o711);
  try {
    await using resources = await WorkerResources.find('off');
    await using governor = await resources.govern(spec(), 'run', NEVER);
    await using server = await governor.around(() =>
      PrivatePostgres.start({ dataDir: join(folder, 'data'), scratch: true }),
    );
    const [pid] = (await readFile(join(server.dataDir, 'postmaster.pid'), 'utf8')).split('\n');
    const below = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ');
    expect(below.length).toBeGreaterThan(1);
    for (const each of [pid, ...below]) {
      const stat = await readFile(`/proc/${each}/stat`, 'utf8');
      expect(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19 - 3]).toBe('10');
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

/** Where groups of version 2 can be made; undefined where they cannot. */
async function groupsHere(): Promise<string | undefined> {
  const mounts = await readFile('/proc/self/mounts', 'utf8');
  const point = mounts
    .split('\n')
    .find((line) => line.split(' ')[2] === 'cgroup2')
    ?.split(' ')[1];
  if (point === undefined) return undefined;
  const folder = join(point, `hozen-spec-${process.pid}`);
  return mkdir(folder).then(
    async () => {
      await rmdir(folder);
      return folder;
    },
    () => undefined,
  );
}
const group = await groupsHere();

it.skipIf(group === undefined)('a program joins the control group before its first instruction', async () => {
  const cgroup = group ?? '';
  await mkdir(cgroup);
  try {
    const text = await withChildLimits({ cgroup }, () => toolOutput(ASK));
    expect(text.toString()).toContain(`hozen-spec-${process.pid}\n`);
    expect(await readFile('/proc/self/cgroup', 'utf8')).not.toContain('hozen-spec');
  } finally {
    await rmdir(cgroup);
  }
});

it('a program that cannot join its group runs all the same', async () => {
  const { done } = withChildLimits({ cgroup: '/nowhere' }, () => runTool({ path: '/bin/true', args: [] }));
  await expect(done).resolves.toEqual({ stderr: '' });
});

const cpuGroups = group === undefined ? undefined : await CpuGroups.open();
await cpuGroups?.[Symbol.asyncDispose]();

it.skipIf(cpuGroups === undefined)('a group holds its programs to the share, and is gone with the run', async () => {
  await using resources = await WorkerResources.find('auto');
  const governor = await resources.govern(spec({ cpuPercent: 25 }), 'run', NEVER);
  expect(governor.use).toMatchObject({ cpu: 'cgroup', cpuPercent: 25 });
  const text = await governor.around(() => toolOutput({ path: '/bin/cat', args: ['/proc/self/cgroup'] }));
  expect(text.toString()).toMatch(/hozen-runs-\d+\/run\n/);
  await governor[Symbol.asyncDispose]();
});

it('a folder that is no control group is not used', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hz-group-'));
  await writeFile(join(folder, 'cgroup.controllers'), 'memory pids\n');
  try {
    expect(await CpuGroups.open(folder)).toBeUndefined();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
