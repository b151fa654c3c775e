import { readFile, writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { stringify } from 'yaml';
import { EVENT_TYPES } from '../events/registry.js';
import { asyncApiDocument } from './asyncapi.js';

const document = new URL('../../../../docs/asyncapi.yaml', import.meta.url);
const manifest = new URL('../../package.json', import.meta.url);

async function generated(): Promise<string> {
  const { version } = JSON.parse(await readFile(manifest, 'utf8')) as { version: string };
  return stringify(asyncApiDocument(version), { aliasDuplicateObjects: false });
}

it('docs/asyncapi.yaml says what the contracts check (write it anew with HOZEN_WRITE_DOCS=1)', async () => {
  const wanted = await generated();
  if (process.env['HOZEN_WRITE_DOCS'] === '1') await writeFile(document, wanted);
  expect(await readFile(document, 'utf8')).toBe(wanted);
});

it('describes every event with the fields of its contract', async () => {
  const text = await generated();
  for (const type of EVENT_TYPES) expect(text).toContain(`address: ${type}`);
  expect(text).toContain('retentionDays');
});
