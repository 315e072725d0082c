export {
  decodeProtobuf,
  encodeProtobuf,
  encodeProtobufMessage,
  PROTOBUF_MEDIA_TYPE,
  ProtobufObjectError,
  protobufEnvelope,
  protobufEnvelopeAround,
  protobufEnvelopeParts,
  protobufMessageOf,
  type TypeName,
} from './envelope.ts'
