import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTransport } from 'nodemailer';
import { expect, it } from 'vitest';
import { Mailbox, mailWith } from './mailbox.js';

it('puts each mail whole into the folder, and finds it by its message id', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hozen-mailbox-'));
  await using mailbox = await Mailbox.start(folder);
  const transport = createTransport(mailbox.url);
  const mail = { from: 'hozen@localhost', to: 'dba@localhost', subject: '完了' };
  const first = await transport.sendMail({ ...mail, text: 'one' });
  await transport.sendMail({ ...mail, text: 'two' });
  transport.close();
  expect(await readdir(folder)).toHaveLength(2);
  const file = await mailWith(folder, first.messageId);
  expect(await readFile(file ?? '', 'utf8')).toContain('one');
  expect(await mailWith(folder, 'another@id')).toBeUndefined();
  await rm(folder, { recursive: true });
});
