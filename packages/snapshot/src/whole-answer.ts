/**
 * A `Response` whose body has arrived. The platform's own makes a stream of the body, and a text of the stream again: more work than
 * all else that `lightFetch` does. Who asks for the stream, or for anything but text and JSON, is given the platform's own.
 */
export type Arrived = {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
  readonly bytes: Buffer;
};

export class WholeAnswer implements Response {
  readonly type = 'default';
  readonly url = '';
  readonly redirected = false;
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
  readonly #bytes: Buffer;
  #told = false;
  /** The platform's, once it was asked for. */
  #streamed: Response | null = null;

  constructor({ status, statusText, headers, bytes }: Arrived) {
    this.status = status;
    this.statusText = statusText;
    this.headers = headers;
    this.#bytes = bytes;
  }

  get ok(): boolean {
    return this.status >= 200 && this.status < 300;
  }

  get body(): Response['body'] {
    return this.#stream().body;
  }

  get bodyUsed(): boolean {
    return this.#told || this.#streamed?.bodyUsed === true;
  }

  async text(): Promise<string> {
    if (this.#told || this.#streamed !== null) return await this.#stream().text();
    this.#told = true;
    return UTF8.decode(this.#bytes);
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return await this.#stream().arrayBuffer();
  }

  async blob(): Promise<Blob> {
    return await this.#stream().blob();
  }

  async bytes(): ReturnType<Response['bytes']> {
    return await this.#stream().bytes();
  }

  async formData(): ReturnType<Response['formData']> {
    return await this.#stream().formData();
  }

  clone(): Response {
    return this.#stream().clone();
  }

  #stream(): Response {
    if (this.#told) throw new TypeError('Body is unusable: Body has already been read');
    const { status, statusText, headers } = this;
    this.#streamed ??= new Response(Buffer.from(this.#bytes), { status, statusText, headers });
    return this.#streamed;
  }
}

/** As `text()` decodes: without a mark of the order of bytes, and with a sign in the place of what is no UTF-8. */
const UTF8 = new TextDecoder();
