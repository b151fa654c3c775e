import type { CliText } from '@hozen/contracts';
import type { ArchiveCheck, ArchiveFault } from './check-archive.js';
import type { ArchiveContents } from './contents.js';

export type Text = (key: CliText, params?: Readonly<Record<string, string | number>>) => string;

/** What an archive holds, one stretch of WAL a line, and the gaps between. */
export function listText(
  { location, systemIdentifier, stretches, gaps, growing }: ArchiveContents,
  text: Text,
): string {
  const lines = [text('wal.archive', { location, cluster: systemIdentifier ?? '–' })];
  if (stretches.length === 0) lines.push(text('wal.empty'));
  for (const stretch of stretches) {
    lines.push(`  ${text('wal.stretch', { ...stretch })}`);
    const gap = gaps.find(({ after }) => after === stretch.last);
    if (gap) lines.push(`✗ ${text('wal.fault.gap', { ...gap })}`);
  }
  for (const file of growing) lines.push(`  ${text('wal.growing', { ...file })}`);
  return lines.map((line) => `${line}\n`).join('');
}

/** What was looked at, and what is wrong. */
export function checkText(checked: ArchiveCheck, text: Text): string {
  const { server, read, isReadable, faults } = checked;
  const lines = [text(isReadable ? 'wal.read' : 'wal.inspected', { count: read })];
  if (server) lines.push(text('wal.server', { last: server.lastArchived ?? '–', at: server.lastArchivedAt ?? '–' }));
  else lines.push(text('wal.offline'));
  const others = faults.filter(({ kind }) => kind !== 'gap').map((fault) => `✗ ${faultText(fault, text)}`);
  if (faults.length === 0) lines.push(`✓ ${text('wal.good')}`);
  return listText(checked, text) + [...others, ...lines].map((line) => `${line}\n`).join('');
}

function faultText({ kind, name, facts }: ArchiveFault, text: Text): string {
  return text(`wal.fault.${kind}`, { name, ...facts });
}
