import type { Notice } from './notice.js';

export interface EmailBody {
  text: string;
  html: string;
}

/** A notice as plain text, and as HTML that every reader shows: a table, no image, no link, no style sheet. */
export function emailBody(notice: Notice, repeated: boolean): EmailBody {
  const remarks = [...(repeated ? [notice.texts.repeat] : []), notice.texts.sender];
  return { text: plainText(notice, remarks), html: html(notice, remarks) };
}

function plainText(notice: Notice, remarks: readonly string[]): string {
  const facts = notice.facts.map(({ label, values }) =>
    values.length === 1 ? `${label}: ${values[0]}` : [`${label}:`, ...values.map((value) => `  - ${value}`)].join('\n'),
  );
  const next = notice.command ? ['', `${notice.texts.next}: ${notice.command}`] : [];
  return [notice.summary, '', ...facts, ...next, '', '--', ...remarks, ''].join('\n');
}

const COLOURS = { info: '#1a7f37', warning: '#9a6700', critical: '#cf222e' } as const;

function html(notice: Notice, remarks: readonly string[]): string {
  const rows = notice.facts.map(
    ({ label, values }) =>
      `<tr><th align="left" valign="top">${escapeHtml(label)}</th><td>${values.map(escapeHtml).join('<br>')}</td></tr>`,
  );
  const next = notice.command
    ? [`<p>${escapeHtml(notice.texts.next)}: <code>${escapeHtml(notice.command)}</code></p>`]
    : [];
  return [
    '<!doctype html><html><head><meta charset="utf-8"></head><body>',
    `<p style="border-left:4px solid ${COLOURS[notice.severity]};padding-left:8px"><b>${escapeHtml(notice.summary)}</b></p>`,
    `<table cellpadding="4">${rows.join('')}</table>`,
    ...next,
    ...remarks.map((remark) => `<p><small>${escapeHtml(remark)}</small></p>`),
    '</body></html>',
  ].join('\n');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}
