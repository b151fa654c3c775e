import { setSourceMapsSupport } from 'node:module';
import { setFlagsFromString } from 'node:v8';

/**
 * What runs before a service: `node --import @hozen/telemetry/register`.
 *
 * Loading a service fills V8's room for young objects up to its limit once, and that memory is never given back: 80 MB
 * that a worker needs for buffers. So the limit is lowered before anything else is loaded. Two megabytes cost no time
 * that can be measured.
 */
setFlagsFromString('--max-semi-space-size=2');
setFlagsFromString('--semi-space-growth-factor=1');

// Errors name our own sources. The maps of all libraries, which --enable-source-maps keeps too, take 20 MB, and starting a
// child process takes longer by what there is to copy.
setSourceMapsSupport(true, { nodeModules: false, generatedCode: false });

await import('./start-telemetry.js');
