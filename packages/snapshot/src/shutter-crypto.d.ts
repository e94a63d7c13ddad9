/** What of `@shutter-network/shutter-crypto` is used here; it has no types of its own. */
declare module '@shutter-network/shutter-crypto' {
  type ShutterCrypto = {
    /** Loads the WebAssembly; anything else throws before it is done. */
    init(): Promise<void>;
    encrypt(message: Uint8Array, eonPublicKey: Uint8Array, epochId: Uint8Array, sigma: Uint8Array): Promise<Uint8Array>;
    decrypt(encrypted: Uint8Array, decryptionKey: Uint8Array): Promise<Uint8Array>;
    verifyDecryptionKey(decryptionKey: Uint8Array, eonPublicKey: Uint8Array, epochId: Uint8Array): Promise<boolean>;
  };
  const shutterCrypto: ShutterCrypto;
  export default shutterCrypto;
}
