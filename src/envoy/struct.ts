/**
 * `google.protobuf.Struct` as `@grpc/proto-loader` decodes it. The loader knows no magic for it: a JSON object
 * `{"pod": "pod1"}` arrives as `{fields: {pod: {stringValue: 'pod1'}}}`.
 */

export interface Struct {
  readonly fields?: Readonly<Record<string, Value>>;
}

/** Numbers, booleans, lists and nested objects arrive too, under names of their own; wsgate reads only strings. */
interface Value {
  readonly stringValue?: string;
}

/** Undefined when the field is missing, or holds anything but a string. */
export function stringField(struct: Struct | undefined, key: string): string | undefined {
  const fields = struct?.fields;
  return fields !== undefined && Object.hasOwn(fields, key) ? fields[key]?.stringValue : undefined;
}
