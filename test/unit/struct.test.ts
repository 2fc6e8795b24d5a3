import { describe, expect, it } from 'vitest';
import { loadServices } from '../../src/envoy/protos.ts';
import { stringField } from '../../src/envoy/struct.ts';

const { responseSerialize, responseDeserialize } = loadServices().authorization.Check;

describe('a Struct', () => {
  it('of strings gives each of them back, over the wire too', () => {
    const fields = { lease: { stringValue: 'proxy_a_1' }, pod: { stringValue: '' } };
    const bytes = responseSerialize({ dynamicMetadata: { fields } });
    const { dynamicMetadata } = responseDeserialize(bytes);
    expect(stringField(dynamicMetadata, 'lease')).toBe('proxy_a_1');
    expect(stringField(dynamicMetadata, 'pod')).toBe('');
  });

  it('gives nothing for a field that is missing, or holds no string', () => {
    // As google/protobuf/struct.proto writes {"pod": 1}: field 1 {key "pod", value {number_value 1.0}}.
    const bytes = Buffer.from('\x22\x12\x0a\x10\x0a\x03pod\x12\x09\x11\0\0\0\0\0\0\xf0\x3f', 'latin1');
    const { dynamicMetadata } = responseDeserialize(bytes);
    expect(dynamicMetadata?.fields?.pod).toEqual({ numberValue: 1 });
    for (const key of ['pod', 'other', 'constructor', '__proto__']) {
      expect(stringField(dynamicMetadata, key)).toBeUndefined();
    }
    expect(stringField({}, 'pod')).toBeUndefined();
    expect(stringField(undefined, 'pod')).toBeUndefined();
  });
});
