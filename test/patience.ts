/**
 * How long a test waits for something that must come. It bounds a hang and nothing else: no test may pass or fail by how busy the
 * machine is.
 */
export const PATIENT = { timeout: 30_000 } as const;
