import { expect, it } from 'vitest';
import { noticesEn, type NoticeKey } from './en.js';
import { noticesJa } from './ja.js';
import { noticesZh } from './zh.js';

const params = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).toSorted();

it.each([
  ['ja', noticesJa],
  ['zh', noticesZh],
])('notices in %s tell the same facts as the English ones', (_language, notices) => {
  for (const key of Object.keys(noticesEn) as NoticeKey[]) {
    expect({ key, params: params(notices[key]) }).toEqual({ key, params: params(noticesEn[key]) });
  }
});
