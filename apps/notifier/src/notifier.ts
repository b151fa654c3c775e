import { SHARED_TABLES } from '@hozen/persistence';
import type { ServiceDefinition } from '@hozen/service';
import { NotifierModule } from './notifier.module.js';
import { NotifierSettings, readNotifierSettings } from './settings/notifier-settings.js';
import { NotificationRule } from './tables/notification-rule.js';
import { NotifierTables } from './tables/notifier-tables.js';
import { Recipient } from './tables/recipient.js';

export function notifier(): ServiceDefinition {
  const settings = new NotifierSettings();
  return {
    service: 'notifier',
    name: 'notifier',
    module: NotifierModule.with(settings),
    entities: [Recipient, NotificationRule],
    migrations: [...SHARED_TABLES, NotifierTables],
    readSettings: (read) => {
      Object.assign(settings, readNotifierSettings(read));
    },
  };
}
