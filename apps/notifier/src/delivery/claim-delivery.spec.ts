import { createDataSource, migrate, SHARED_TABLES } from '@hozen/persistence';
import { ServiceDatabases, TestPostgres } from '@hozen/testkit';
import { expect, it } from 'vitest';
import { NotifierTables } from '../tables/notifier-tables.js';
import { claimDelivery } from './claim-delivery.js';
import { concludeDelivery, type Conclusion } from './conclude-delivery.js';

const ENDED = { error: null, providerId: null, waitSeconds: 0, rateLimited: false, uncertain: false };
const SENT: Conclusion = { ...ENDED, state: 'sent' };
const AGAIN: Conclusion = { ...ENDED, state: 'planned', error: 'no answer' };

it('a notifier that was paused past its lease does not undo what its successor has sent', async () => {
  await using postgres = await TestPostgres.start();
  const { urls } = await ServiceDatabases.provision(postgres);
  const migrations = [...SHARED_TABLES, NotifierTables];
  const database = createDataSource({ url: urls.notifier, service: 'notifier', entities: [], migrations });
  await migrate(database);
  try {
    await database.query(`
      with told as (
        insert into notification (event_id, event_type, severity, subject, facts, occurred_at)
        values ('e', 'backup.failed', 'critical', 's', '{}', now()) returning id)
      insert into deliveries (notification_id, event_id, channel, recipient, language, address)
      select id, 'e', 'email', 'dba', 'en', 'dba@example.org' from told`);
    const paused = await claimDelivery(database.manager, 'email', 0);
    const successor = await claimDelivery(database.manager, 'email', 60);
    if (!paused || !successor) throw new Error('there was nothing to claim');
    expect(successor).toMatchObject({ id: paused.id, uncertain: true });
    // While the successor sends, and after it has.
    expect(await concludeDelivery(database.manager, paused, AGAIN)).toBe(false);
    expect(await concludeDelivery(database.manager, successor, SENT)).toBe(true);
    expect(await concludeDelivery(database.manager, paused, AGAIN)).toBe(false);
    expect(await concludeDelivery(database.manager, successor, AGAIN)).toBe(false);
    expect(await claimDelivery(database.manager, 'email', 60)).toBeUndefined();
  } finally {
    await database.destroy();
  }
});
