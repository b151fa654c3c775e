import { currentTraceparent } from '@hozen/telemetry';

/** The running span as the event's parent. */
export function traced(): { traceparent?: string } {
  const traceparent = currentTraceparent();
  return traceparent === undefined ? {} : { traceparent };
}
