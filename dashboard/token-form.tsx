/** Asks for a token, which the gate wants before it tells anything. */

import { useEffect, useRef, useState } from 'preact/hooks';

interface TokenFormProps {
  /** Whether one was shown, and was not good. */
  readonly refused: boolean;
  readonly signIn: (token: string) => void;
}

export function TokenForm({ refused, signIn }: TokenFormProps) {
  const [token, setToken] = useState('');
  const field = useRef<HTMLInputElement>(null);
  // It appears instead of what one wanted to see: what is typed next is meant for it.
  useEffect(() => field.current?.focus(), []);
  return (
    <form
      class="sign-in"
      onSubmit={(event) => {
        event.preventDefault();
        if (token.trim() !== '') signIn(token.trim());
      }}
    >
      <h1>Sign in</h1>
      <p>This gate shows its figures to whoever has one of its tokens (http.tokens).</p>
      {refused && <p role="alert">The gate does not know that token.</p>}
      <label>
        Token
        <input
          ref={field}
          type="password"
          autocomplete="off"
          value={token}
          onInput={({ currentTarget }) => setToken(currentTarget.value)}
        />
      </label>
      <button type="submit">Sign in</button>
    </form>
  );
}
