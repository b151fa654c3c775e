import type { EventType } from '@hozen/contracts';
import { UseFilters } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import { OriginalErrors } from './original-errors.js';

/**
 * Marks a controller's method as the service's one handler of an event:
 * `(event: EventOf<T>, context: JetStreamContext) => Promise<void>`. The parameters need no decorators of their own.
 */
export function OnEvent(type: EventType): MethodDecorator {
  return (target, method, descriptor) => {
    Payload()(target, method, 0);
    Ctx()(target, method, 1);
    // As plain decorators: the type of EventPattern's refuses handlers with a typed context.
    for (const decorate of [EventPattern(type as string) as MethodDecorator, UseFilters(OriginalErrors)]) {
      decorate(target, method, descriptor);
    }
  };
}
