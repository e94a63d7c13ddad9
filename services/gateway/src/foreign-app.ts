/**
 * An application of express that somebody else made, among our routes. It makes each request one of its own, which has no log and no
 * name, and a router leaves it so: what it hands on, an error too, is made ours again.
 */
import type { RequestHandler } from 'express';

export function foreignApp(app: RequestHandler): RequestHandler {
  return (request, response, next) => {
    const [asked, answer] = [Reflect.getPrototypeOf(request), Reflect.getPrototypeOf(response)];
    return app(request, response, (error?: unknown) => {
      Reflect.setPrototypeOf(request, asked);
      Reflect.setPrototypeOf(response, answer);
      next(error);
    });
  };
}
