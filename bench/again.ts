/**
 * Asks once more where the connection was lost, as it is when the other side lets go of an idle one in the moment in which we use it:
 * `fetch` says so by a TypeError. For what may be asked twice.
 */
export async function again<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return await ask();
  }
}
