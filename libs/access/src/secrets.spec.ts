import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { resolveSecret } from './secrets.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hozen-secret-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

it('reads a secret from a variable, colons and all', async () => {
  process.env['HOZEN_SPEC_SECRET'] = 'a:b c';
  await expect(resolveSecret('env:HOZEN_SPEC_SECRET')).resolves.toBe('a:b c');
  delete process.env['HOZEN_SPEC_SECRET'];
});

it('reads a secret from a file and cuts the newline that an editor added, but nothing more', async () => {
  const file = join(folder, 'secret:1');
  await writeFile(file, ' päss \n\n');
  await expect(resolveSecret(`file:${file}`)).resolves.toBe(' päss \n');
});

it('names the reference, never a value, when the secret is not there', async () => {
  await expect(resolveSecret('env:HOZEN_NO_SUCH')).rejects.toMatchObject({
    code: 'SECRET_UNAVAILABLE',
    params: { reference: 'env:HOZEN_NO_SUCH' },
  });
  await expect(resolveSecret(`file:${folder}/none`)).rejects.toMatchObject({ code: 'SECRET_UNAVAILABLE' });
});

it('does not repeat a password that somebody wrote where a reference belongs', async () => {
  for (const reference of ['hunter2', 'plain:hunter2']) {
    const message = await resolveSecret(reference).catch((thrown: Error) => thrown.message);
    expect(message).not.toContain('hunter2');
  }
});
