import { startService } from '@hozen/service';
import { notifier } from './notifier.js';

await startService(notifier());
