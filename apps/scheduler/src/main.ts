import { startService } from '@hozen/service';
import { SCHEDULER } from './scheduler.js';

await startService(SCHEDULER);
