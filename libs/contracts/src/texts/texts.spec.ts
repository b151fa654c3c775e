import { describe, expect, it } from 'vitest';
import {
  HozenError,
  LANGUAGES,
  obstaclesText,
  RESTORE_OBSTACLES,
  translatedError,
  translatedReason,
  warningText,
} from '../index.js';
import { cliEn, type CliText } from './cli/en.js';
import { cliJa } from './cli/ja.js';
import { cliZh } from './cli/zh.js';
import { warningsJa } from './warnings/ja.js';
import { warningsZh } from './warnings/zh.js';

describe('an error out of an event', () => {
  it('is told in the language of the reader, its values kept, the detail behind it', () => {
    const error = new HozenError(
      'TARGET_UNREACHABLE',
      { target: 'erp', host: '::1', port: 5432 },
      { detail: 'refused: yes' },
    );
    expect(translatedError('ja', { code: error.code, message: error.message, hint: error.hint }).message).toBe(
      '対象「erp」のサーバー ::1:5432 に接続できません: refused: yes',
    );
  });

  it('keeps values that stand only in the hint', () => {
    const error = new HozenError('LEVEL_UNSUPPORTED', { method: 'm', level: 'incremental', allowed: 'full' });
    expect(translatedError('zh', { code: error.code, message: error.message, hint: error.hint }).hint).toBe(
      '可用的级别：full',
    );
  });

  it('says in every language what stands in the way of a restore, as the plan does', () => {
    const all = RESTORE_OBSTACLES.map((kind) => ({ kind, what: `erp: "a b", ${kind}` }));
    const error = new HozenError('RESTORE_IMPOSSIBLE', { target: 'erp', what: obstaclesText('en', all) });
    const { code, message, hint } = error;
    for (const language of LANGUAGES) {
      expect(translatedError(language, { code, message, hint }).message).toContain(obstaclesText(language, all));
    }
  });

  it('says in every language what is to be done instead of a restore that cannot be, and why an approval does not count', () => {
    const instead = warningText('what.tree');
    const impossible = new HozenError('RESTORE_IMPOSSIBLE', { target: 'erp', what: instead });
    expect(translatedError('ja', impossible).message).toContain(warningsJa['what.tree']);
    const obstacles = [{ kind: 'wrong-method' as const, what: instead }];
    expect(obstaclesText('zh', obstacles)).toBe(warningsZh['what.tree']);
    const same = new HozenError('APPROVAL_MISSING', {
      id: '1',
      what: warningText('what.asked-by-same', { by: 'aya' }),
    });
    expect(translatedError('ja', same).message).toContain('aya 自身が依頼したため');
  });

  it('stays English where the text is not the one we know', () => {
    const facts = { code: 'DISK_FULL', message: 'No room', hint: 'Buy a disk' } as const;
    expect(translatedError('ja', facts)).toEqual({ message: 'No room', hint: 'Buy a disk' });
  });

  it('reads in English exactly as it was written', () => {
    const error = new HozenError('DISK_FULL', { path: '/b' });
    const facts = { code: error.code, message: error.message, hint: error.hint };
    expect(translatedError('en', facts)).toEqual({ message: facts.message, hint: facts.hint });
  });
});

describe('the reason of an attempt', () => {
  const { code, message } = new HozenError('DISK_FULL', { path: '/b' }, { detail: 'ENOSPC' });

  it('is told in the language of the reader, with its code', () => {
    expect(translatedReason('ja', `${code}: ${message}`)).toMatch(/^DISK_FULL: (?=.*\/b).*[\u3040-\u30ff].*: ENOSPC$/);
    expect(translatedReason('zh', `${code}: ${message}`)).toMatch(/^DISK_FULL: (?=.*\/b).*[\u4e00-\u9fff].*: ENOSPC$/);
    expect(translatedReason('en', `${code}: ${message}`)).toBe(`${code}: ${message}`);
  });

  it.each(['DISK_FULL: something else', 'NO_SUCH_CODE: text', 'no code at all', ''])(
    'is kept where it is not known: "%s"',
    (reason) => {
      expect(translatedReason('ja', reason)).toBe(reason);
    },
  );
});

describe('the texts of the command', () => {
  it.each(LANGUAGES)('name the same values in %s as in English', (language) => {
    const texts = { en: cliEn, ja: cliJa, zh: cliZh }[language];
    const values = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).toSorted();
    for (const key of Object.keys(cliEn) as CliText[])
      expect([key, values(texts[key])]).toEqual([key, values(cliEn[key])]);
  });
});
