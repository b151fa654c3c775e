import type { EventType } from '@hozen/contracts';
import { applyDecorators, UseFilters } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { OriginalErrors } from './original-errors.js';

/** Marks a controller's method as the service's one handler of an event: `(event: EventOf<T>, context: JetStreamContext)`. */
export function OnEvent(type: EventType): MethodDecorator {
  // As plain decorators: the type of EventPattern's refuses handlers with a typed context.
  return applyDecorators(EventPattern(type as string) as MethodDecorator, UseFilters(OriginalErrors));
}
