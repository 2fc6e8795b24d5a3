/** Asks before a slot is freed by force, or a connection is closed. */

import { useLayoutEffect, useRef } from 'preact/hooks';
import type { ConnectionBody } from '../src/http/bodies.ts';

interface ReleaseDialogProps {
  /** A new object each time that it is asked: the browser tells late of a close, and it may be open again by then. */
  readonly connection: ConnectionBody;
  readonly release: (connection: ConnectionBody) => void;
  /** Closes the connection itself. */
  readonly end: (connection: ConnectionBody) => void;
  /** It has been answered, either way. */
  readonly close: () => void;
}

export function ReleaseDialog({ connection, release, end, close }: ReleaseDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const safe = useRef<HTMLButtonElement>(null);
  // At once: what is typed next is meant for the dialog.
  useLayoutEffect(() => {
    if (!dialog.current?.open) dialog.current?.showModal();
    safe.current?.focus();
  }, [connection]);
  const { lease, proxy, client } = connection;
  return (
    <dialog
      ref={dialog}
      aria-labelledby="release-heading"
      onClose={({ currentTarget }) => currentTarget.open || close()}
    >
      <h2 id="release-heading">Release this slot?</h2>
      <p>
        Held through {proxy}
        {client !== null && ` by ${client}`}. Lease <code>{lease}</code>
      </p>
      <p>
        Releasing it closes the connection where a gate holds a stream for it (the hold door). Anywhere else the
        connection stays open, is only uncounted, and counts again when its proxy next tells of it.
      </p>
      <p class="controls">
        <button
          type="button"
          class="danger"
          onClick={() => {
            release(connection);
            dialog.current?.close();
          }}
        >
          Release the slot
        </button>
        <button
          type="button"
          class="danger"
          onClick={() => {
            end(connection);
            dialog.current?.close();
          }}
        >
          Close the connection
        </button>
        <button type="button" ref={safe} onClick={() => dialog.current?.close()}>
          Cancel
        </button>
      </p>
    </dialog>
  );
}
