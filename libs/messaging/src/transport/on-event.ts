import type { EventType } from '@hozen/contracts';
import { EventPattern } from '@nestjs/microservices';

/** Marks a controller's method as the service's one handler of an event: `(event: EventOf<T>, context: JetStreamContext)`. */
export function OnEvent(type: EventType): MethodDecorator {
  // The decorator's own type refuses handlers with a typed context.
  return EventPattern(type as string) as MethodDecorator;
}
