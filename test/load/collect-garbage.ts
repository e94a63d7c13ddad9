/**
 * Loaded into a service before its own code, with `--expose-gc`: on SIGUSR2 it collects its garbage. What is left is what the
 * process holds on to, the same however busy it was a moment ago.
 */
process.on('SIGUSR2', () => globalThis.gc?.());
