/**
 * A keystore is opened by scrypt, which is slow on purpose. The one of ethers is JavaScript and takes two or three times as long
 * as Node's own, for the same bytes.
 */
import { scrypt as derive } from 'node:crypto';
import { scrypt } from 'ethers';

/** More than any keystore that a wallet makes needs (2^18 needs 256 MiB); a file that asks for more is refused. */
const MAX_MEMORY = 1024 ** 3;

/** Lets ethers open and make keystores by Node's scrypt, from now on and in the whole process. */
export function useNativeScrypt(): void {
  scrypt.register(
    (password, salt, N, r, p, length) =>
      new Promise((resolve, reject) => {
        derive(password, salt, length, { N, r, p, maxmem: MAX_MEMORY }, (error, key) => {
          if (error === null) resolve(key);
          else reject(error);
        });
      }),
  );
}
