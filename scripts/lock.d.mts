export declare function withLock<T>(file: string, say: (line: string) => void, work: () => Promise<T>): Promise<T>;
