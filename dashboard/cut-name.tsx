/**
 * A name on one line, in a cell of the class `cut`. One that is too long loses its start, which neighbours share; its end
 * tells them apart.
 */

interface CutNameProps {
  readonly name: string;
  /** Dimmed; a start of the name. */
  readonly prefix?: string;
}

export function CutName({ name, prefix = '' }: CutNameProps) {
  // The style sheet cuts at the left by turning the cell around; the name itself stays as it is.
  return (
    <bdi dir="ltr" title={name}>
      {prefix !== '' && <span class="quiet">{prefix}</span>}
      {name.slice(prefix.length)}
    </bdi>
  );
}
