import { counter, gauge } from '@hozen/telemetry';
import type { DataSource } from 'typeorm';

export const noticesWithoutDestination = counter(
  'hozen_notices_without_destination',
  'Events of which nobody was told, because no rule and no default recipient names anybody.',
);
export const deliveryAttempts = counter(
  'hozen_notice_attempts',
  'Tries to send a notice by channel and result: sent, retry, unknown, refused.',
);

/** A planned notice is late when it has waited longer than this. */
const LATE_AFTER = '5 minutes';

/** Notices that did not arrive: any value but 0 is an alarm, for somebody may believe that all is well. */
export function observeUndelivered(dataSource: DataSource): void {
  gauge('hozen_notices_undelivered', 'Notices that failed in the last day or are late, by channel.', async () => {
    const rows = (await dataSource.query(
      `select channel, count(*)::int as value from deliveries
        where (state = 'failed' and created_at > now() - interval '1 day')
           or (state in ('planned', 'sending') and created_at < now() - interval '${LATE_AFTER}')
        group by channel`,
    )) as { channel: string; value: number }[];
    return rows.map(({ channel, value }) => ({ value, attributes: { channel } }));
  });
}
