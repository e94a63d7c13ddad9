/**
 * The voter service several times over in one process: its own composition root, run once for each replica, each with connections
 * and a worker of its own. What twenty processes would say twenty times is loaded once.
 */
const replicas = Number(process.argv[2]);
const main = new URL('../src/main.ts', import.meta.url);
const tell = process.send?.bind(process);
let serving = 0;

// Whoever started this process waits for the last of them.
process.send = (message: unknown): boolean => {
  serving += 1;
  return serving < replicas || (tell?.(message) ?? false);
};
for (let replica = 1; replica <= replicas; replica += 1) {
  // Another query is another module: Node runs the file anew.
  main.search = `replica=${replica}`;
  await import(main.href);
}
