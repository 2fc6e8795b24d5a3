/** The names in a client's certificate, as Node has it. */

export interface PeerCertificate {
  readonly subject: { readonly CN?: unknown };
  /** Such as `URI:spiffe://example.org/edge, DNS:edge.example.org`. Node writes what could be misread as JSON strings. */
  readonly subjectaltname?: string | undefined;
}

const ALTERNATIVE_NAME = /(?:^|, )(URI|DNS):("(?:[^"\\]|\\.)*"|[^,"]*)/g;

/** URIs first, then DNS names, then the common name. */
export function certificateNames(certificate: PeerCertificate | undefined): string[] {
  const found = [...(certificate?.subjectaltname ?? '').matchAll(ALTERNATIVE_NAME)];
  const named = (kind: string) => found.flatMap(([, of, name = '']) => (of === kind ? [plain(name)] : []));
  const common = commonName(certificate);
  return [...named('URI'), ...named('DNS'), ...(common === undefined ? [] : [common])];
}

export function commonName(certificate: PeerCertificate | undefined): string | undefined {
  const name = certificate?.subject?.CN;
  return typeof name === 'string' ? name : undefined;
}

function plain(name: string): string {
  return name.startsWith('"') ? String(JSON.parse(name)) : name;
}
