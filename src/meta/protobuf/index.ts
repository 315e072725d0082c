export { type FieldFact, type Messages, ProtobufCodec, type SpecialCoder } from './codec.ts'
export { ProtobufError, Reader } from './reader.ts'
export { Writer } from './writer.ts'
