/** Envoy's own name for a stream, from the two things that Check and access log both carry. */

import { type StreamIdentity, streamIdentity } from '../admission/ids.ts';
import type { Address, Timestamp } from './messages.ts';

/** Undefined when either is missing. */
export function identityOf(startTime: Timestamp | undefined, address: Address | undefined): StreamIdentity | undefined {
  const peer = addressText(address);
  if (startTime?.seconds === undefined || peer === undefined) return undefined;
  return streamIdentity(BigInt(startTime.seconds) * 1_000_000_000n + BigInt(startTime.nanos ?? 0), peer);
}

function addressText(address: Address | undefined): string | undefined {
  if (address?.socketAddress) return `${address.socketAddress.address ?? ''}:${address.socketAddress.portValue ?? 0}`;
  return address?.pipe ? `pipe:${address.pipe.path ?? ''}` : undefined;
}
