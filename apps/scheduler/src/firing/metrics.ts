import { counter, histogram } from '@hozen/telemetry';

export const slotsSettled = counter(
  'hozen_schedule_slots',
  'Slots of schedules by result: fired, coalesced, skipped; manual runs as fired with kind manual.',
);
export const fireLag = histogram('hozen_schedule_fire_lag', "Time from a slot's instant to its decision.", 's');
export const fireFailures = counter('hozen_schedule_fire_failures', 'Tries to settle a schedule that failed.');
