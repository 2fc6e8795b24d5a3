/** Asks before something is done: with what it means, and what is to be filled in. */

import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

interface AskDialogProps {
  readonly title: string;
  /** What the button says that does it. */
  readonly action: string;
  /** Whether it cannot be undone. */
  readonly isFinal?: boolean;
  /** Called with what was filled in, by the names of the fields. */
  readonly confirm: (fields: FormData) => void;
  /** It has been answered, either way. */
  readonly close: () => void;
  readonly children: ComponentChildren;
}

export function AskDialog({ title, action, isFinal = false, confirm, close, children }: AskDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  // At once: what is typed next is meant for the dialog.
  useLayoutEffect(() => {
    if (!dialog.current?.open) dialog.current?.showModal();
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby="ask-heading" onClose={close}>
      <form
        class="ask"
        onSubmit={(event) => {
          event.preventDefault();
          confirm(new FormData(event.currentTarget));
          dialog.current?.close();
        }}
      >
        <h2 id="ask-heading">{title}</h2>
        {children}
        <p class="controls">
          <button type="submit" class={isFinal ? 'danger' : ''}>
            {action}
          </button>
          <button type="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
        </p>
      </form>
    </dialog>
  );
}

interface FieldProps {
  readonly label: string;
  readonly name: string;
}

export function NumberField({ label, name, min, max, value }: FieldProps & Record<'min' | 'max' | 'value', number>) {
  return (
    <label>
      {label} <input type="number" name={name} min={min} max={max} defaultValue={String(value)} required />
    </label>
  );
}

export function ReasonField() {
  return (
    <label>
      Reason <input type="text" name="reason" maxLength={200} />
    </label>
  );
}

/** As the API wants it: absent where nothing was typed. */
export function reasonIn(fields: FormData): { reason?: string } {
  const reason = String(fields.get('reason') ?? '').trim();
  return reason === '' ? {} : { reason };
}

export function numberIn(fields: FormData, name: string): number {
  return Number(fields.get(name));
}
