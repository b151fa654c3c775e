import { createTransport, type SendMailOptions } from 'nodemailer';
import { describe, expect, it } from 'vitest';
import { MailSink } from './mail-sink.js';

const MAIL: SendMailOptions = {
  from: 'Hozen <hozen@example.org>',
  to: ['dba@example.org', 'ops@example.org'],
  subject: '【重要】バックアップが失敗しました: データベース「受注管理システム本番環境」の定期バックアップ — 要確認 ✗',
  text: 'バックアップが失敗しました。\n\n.先頭の点\nFrom here = there\n',
  html: '<p>バックアップが<b>失敗</b>しました。</p>',
  attachments: [{ filename: 'log.bin', content: Buffer.from([0, 255, 10, 13]) }],
};

function send(sink: MailSink, auth?: { user: string; pass: string }, mail = MAIL): Promise<unknown> {
  const transport = createTransport({ host: sink.host, port: sink.port, ignoreTLS: true, ...(auth ? { auth } : {}) });
  return transport.sendMail(mail);
}

describe('the mail sink', () => {
  it('takes a mail and shows its envelope, subject and texts as they were written', async () => {
    await using sink = await MailSink.start();
    const waiting = sink.waitFor((mail) => mail.subject.includes('要確認'));
    await send(sink);
    const mail = await waiting;
    expect(mail).toMatchObject({ from: 'hozen@example.org', to: ['dba@example.org', 'ops@example.org'] });
    expect(mail.subject).toBe(MAIL.subject);
    expect(mail.text.replaceAll('\r\n', '\n').trimEnd()).toBe((MAIL.text as string).trimEnd());
    expect(mail.html).toBe(MAIL.html);
    expect(mail.headers.get('from')).toBe('Hozen <hozen@example.org>');
  });

  it.each(['base64', 'quoted-printable'] as const)('undoes %s', async (textEncoding) => {
    await using sink = await MailSink.start();
    await send(sink, undefined, {
      ...MAIL,
      textEncoding,
      text: `長い行 ${'=あ'.repeat(100)}`,
      html: '',
      attachments: [],
    });
    expect(sink.messages[0]?.text.trimEnd()).toBe(`長い行 ${'=あ'.repeat(100)}`);
  });

  it('refuses as it is told, as often as it is told, and keeps nothing of it', async () => {
    await using sink = await MailSink.start();
    sink.answerNext(2, { code: 450, text: 'Greylisted' });
    sink.answerNext(1, { code: 550, at: 'rcpt' });
    await expect(send(sink)).rejects.toMatchObject({ responseCode: 450, command: 'DATA' });
    await expect(send(sink)).rejects.toMatchObject({ responseCode: 450 });
    await send(sink, undefined, { ...MAIL, to: 'gone@example.org' }).then(
      () => expect.unreachable('a refused recipient'),
      (error: unknown) => expect(error).toMatchObject({ responseCode: 550 }),
    );
    expect(sink.messages).toEqual([]);
    await send(sink);
    expect([sink.attempts, sink.messages.length]).toEqual([4, 1]);
  });

  it('breaks the line after the mail was sent, with and without having taken it', async () => {
    await using sink = await MailSink.start();
    sink.answerNext(1, { drop: true, delivered: true });
    sink.answerNext(1, { drop: true, delivered: false });
    await expect(send(sink)).rejects.toThrow();
    await expect(send(sink)).rejects.toThrow();
    expect([sink.attempts, sink.messages.length]).toEqual([2, 1]);
  });

  it('takes nothing from who does not log in', async () => {
    await using sink = await MailSink.start({ auth: { user: 'hozen', password: 'right' } });
    await expect(send(sink)).rejects.toMatchObject({ responseCode: 530 });
    await expect(send(sink, { user: 'hozen', pass: 'wrong' })).rejects.toMatchObject({ responseCode: 535 });
    await send(sink, { user: 'hozen', pass: 'right' });
    expect(sink.messages.map(({ user }) => user)).toEqual(['hozen']);
  });

  it('says what did arrive when the awaited mail did not', async () => {
    await using sink = await MailSink.start();
    await send(sink, undefined, { ...MAIL, subject: 'another' });
    await expect(sink.waitFor((mail) => mail.subject === 'this', { within: 20 })).rejects.toThrow('another');
  });
});
