/**
 * How many streams may be cancelled on one connection. Beyond that, Node ends the whole connection with all its
 * streams: an Envoy's Checks and its access log. Node's default, 1,000 and 33 more a second, is one that a client of an
 * Envoy reaches: each upgrade that it gives up before it is answered is a Check that Envoy cancels.
 *
 * The same option counts streams that Node itself refuses because too many are open; by default it ends the connection
 * after a hundred in a row. A cancelled stream counts as open until Node has cleaned it up, so after a burst of
 * cancellations new streams are refused.
 *
 * grpc-js does not pass these options on. Node keeps the options of a server on it, under a symbol, and reads them for
 * each connection.
 */

import { constants, type Http2Server, type Http2Session } from 'node:http2';

interface StreamResetOptions {
  /** At once. */
  readonly burst: number;
  /** So many more each second. Node adds them once a second. */
  readonly rate: number;
}

const KEY = 'listen.streamResetBurst';
/**
 * `NGHTTP2_ERR_PROTO`: Node's error when it ends a connection because of this, or because of bytes that are no HTTP/2.
 */
const PROTOCOL_ERRNO = -505;
/** As a part of the rate. Not all of it, because streams that Node itself refuses are not counted here. */
const SEEN_SHARE = 0.1;

/** Cancelled on one connection in this second, and in the one before. */
interface Lately {
  readonly second: number;
  readonly before: number;
  count: number;
}

export class StreamResets {
  readonly #options: StreamResetOptions;
  readonly #reached: (key: string) => void;
  readonly #lately = new WeakMap<Http2Session, Lately>();

  constructor(options: StreamResetOptions, reached: (key: string) => void) {
    this.#options = options;
    this.#reached = reached;
  }

  /** To be called before the first connection. Throws when this Node keeps the options elsewhere. */
  bound(server: Http2Server): void {
    const { burst, rate } = this.#options;
    Object.assign(optionsOf(server), {
      streamResetBurst: burst,
      streamResetRate: rate,
      maxSessionRejectedStreams: burst,
    });
    server.on('stream', (stream) => {
      const { session } = stream;
      stream.once('close', () => {
        if (session && stream.rstCode !== constants.NGHTTP2_NO_ERROR) this.#of(session).count += 1;
      });
    });
    server.on('sessionError', (error: NodeJS.ErrnoException, session: Http2Session) => {
      const { count, before } = this.#of(session);
      if (error.errno === PROTOCOL_ERRNO && count + before > SEEN_SHARE * rate) this.#reached(KEY);
    });
  }

  #of(session: Http2Session): Lately {
    const second = Math.floor(performance.now() / 1000);
    const known = this.#lately.get(session);
    if (known?.second === second) return known;
    const lately = { second, before: known?.second === second - 1 ? known.count : 0, count: 0 };
    this.#lately.set(session, lately);
    return lately;
  }
}

function optionsOf(server: Http2Server): object {
  const symbol = Object.getOwnPropertySymbols(server).find(({ description }) => description === 'options');
  const options: unknown = symbol && Reflect.get(server, symbol);
  if (typeof options === 'object' && options !== null) return options;
  throw new Error(`${KEY} cannot be set: this version of Node keeps the options of an HTTP/2 server elsewhere`);
}
