let stop: () => Promise<void> = () => Promise.resolve();

export function onShutdown(shutdown: () => Promise<void>): void {
  stop = shutdown;
}

/** Sends the last spans. To be called after everything else has stopped, or they are lost. */
export async function shutdownTelemetry(): Promise<void> {
  await stop();
}
