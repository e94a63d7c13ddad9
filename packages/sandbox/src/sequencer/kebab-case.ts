/** The sequencer stores an app's name so: `ourClient 2` becomes `our-client-2`. */
export function kebabCase(text: string): string {
  const words = text.match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+/g) ?? [];
  return words.join('-').toLowerCase();
}
