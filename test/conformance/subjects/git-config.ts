import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HOSTILE_NAMES, tempDir } from '@hozen/testkit';
import { emptied, fileSums, growTree, writeNoise } from '../content/tree.js';
import { noiseMb, type Content, type Subject } from '../subject.js';
import { afterwards } from './afterwards.js';

/** Configuration files, committed and kept; restored into a new folder. None of them has a secret: those do not come back. */
export const gitConfig: Subject = {
  method: 'git-config',
  // That there is no configuration at all is a mistake.
  empty: { state: 'failed', codes: ['TARGET_FOLDER_MISSING'] },
  broken: { state: 'completed' },
  skips: {
    broken: 'all files are read and committed before the first byte of the artefact is written',
  },
  // More than 20,000 paths are refused.
  large: [{ what: 'files', count: 19_900 }],
  async open() {
    const folder = await tempDir();
    const root = folder.join('etc');
    await mkdir(root);
    return {
      secrets: {},
      targets: [{ name: 'settings', kind: 'configuration', paths: [root] }],
      config: { method: 'git-config', repository: { url: folder.join('settings.git') } },
      fill: (content) => fillSettings(root, content),
      grow: (_what, count) => growTree(root, count),
      content: () => fileSums(root),
      async restored(trial) {
        const directory = trial.restoreFolder();
        await trial.restore({ config: trial.config, directory });
        return await fileSums(join(directory, root));
      },
      leftovers: async () => (await readdir(folder.path)).filter((name) => !['etc', 'settings.git'].includes(name)),
      async break() {
        await rm(root, { recursive: true });
        return afterwards(() => mkdir(root));
      },
      [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
    };
  },
};

async function fillSettings(root: string, content: Content): Promise<void> {
  await emptied(root);
  if (content === 'normal') {
    await mkdir(join(root, 'postgresql'));
    await writeFile(join(root, 'postgresql', 'postgresql.conf'), 'work_mem = 64MB\n');
    await writeFile(join(root, 'hosts'), '127.0.0.1 localhost\n');
  }
  await writeNoise(root, noiseMb(content) ?? 0, lineful);
  if (content !== 'hostile') return;
  for (const name of HOSTILE_NAMES.map((each) => each.replaceAll('/', ':'))) {
    await mkdir(join(root, name));
    await writeFile(join(root, name, name), `${name}\n`);
  }
}

/** Text of as many bytes, with line breaks. */
function lineful(bytes: Buffer): Buffer {
  return Buffer.from((bytes.toString('base64').match(/.{1,76}/g) ?? []).join('\n').slice(0, bytes.length));
}
